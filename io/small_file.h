// io/small_file.h - a whole file as text: tables and lists that the user names.
//
// Threads:    any; it blocks, so no lane may call it.
// Errors:     one line without the path: "No such file or directory", "larger than 4 MiB".
#pragma once

#include <cstddef>
#include <expected>
#include <string>

namespace zonesweep::io {

// Symbolic links are followed: the path is the user's. What is no regular file or pipe is refused.
[[nodiscard]] std::expected<std::string, std::string> read_small_file(const std::string& path,
                                                                      size_t limit);

}  // namespace zonesweep::io
