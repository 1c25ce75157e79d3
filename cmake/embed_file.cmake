# Writes OUTPUT: a C++ file with the text of INPUT as NAMESPACE::k_NAME_tsv.
file(READ ${INPUT} hex HEX)
string(LENGTH "${hex}" digits)
math(EXPR size "${digits} / 2")
file(READ ${INPUT} text)
string(FIND "${text}" ")tsv\"" clash)
if(NOT clash EQUAL -1)
  message(FATAL_ERROR "${INPUT} holds the delimiter of its own literal")
endif()
file(WRITE ${OUTPUT} "#include <string_view>
namespace ${NAMESPACE} {
extern const std::string_view k_${NAME}_tsv;
const std::string_view k_${NAME}_tsv{R\"tsv(${text})tsv\", ${size}};
}
")
