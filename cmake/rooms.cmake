# One static library per folder: zonesweep_room(NAME [libraries...]) takes every .cc of the current folder,
# so that adding a file needs no edit here.
add_library(zonesweep_options INTERFACE)
target_include_directories(zonesweep_options INTERFACE ${PROJECT_SOURCE_DIR})
target_compile_options(zonesweep_options INTERFACE
  -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wno-sign-conversion -Wnon-virtual-dtor -Wold-style-cast
  -Woverloaded-virtual -Wno-missing-field-initializers -fno-omit-frame-pointer)
if(ZONESWEEP_WERROR)
  target_compile_options(zonesweep_options INTERFACE -Werror)
endif()
if(ZONESWEEP_FUZZ)  # coverage for libFuzzer; without it a fuzzer is blind
  target_compile_options(zonesweep_options INTERFACE -fsanitize=fuzzer-no-link)
endif()
if(ZONESWEEP_SANITIZE)
  target_compile_options(zonesweep_options INTERFACE -fsanitize=${ZONESWEEP_SANITIZE} -fno-sanitize-recover=all)
  target_link_options(zonesweep_options INTERFACE -fsanitize=${ZONESWEEP_SANITIZE})
endif()

function(zonesweep_room name)
  file(GLOB sources CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/*.cc)
  if(sources)
    add_library(${name} STATIC ${sources})
    target_link_libraries(${name} PUBLIC zonesweep_options ${ARGN})
  else()
    add_library(${name} INTERFACE)
    target_link_libraries(${name} INTERFACE zonesweep_options ${ARGN})
  endif()
endfunction()
