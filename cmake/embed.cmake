# zonesweep_embed(TARGET NAMESPACE FILE...): each FILE becomes `extern const std::string_view k<Name>Tsv` of
# NAMESPACE, in <target>_data.h: tables that are data in the tree and constants in the program.
set(ZONESWEEP_EMBED_SCRIPT ${CMAKE_CURRENT_LIST_DIR}/embed_file.cmake)

function(zonesweep_embed target namespace)
  foreach(file ${ARGN})
    get_filename_component(name ${file} NAME_WE)
    set(output ${CMAKE_CURRENT_BINARY_DIR}/${name}_data.cc)
    add_custom_command(OUTPUT ${output}
      COMMAND ${CMAKE_COMMAND} -DINPUT=${CMAKE_CURRENT_SOURCE_DIR}/${file} -DOUTPUT=${output} -DNAME=${name}
              -DNAMESPACE=${namespace} -P ${ZONESWEEP_EMBED_SCRIPT}
      DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/${file} ${ZONESWEEP_EMBED_SCRIPT} VERBATIM)
    target_sources(${target} PRIVATE ${output})
  endforeach()
endfunction()
