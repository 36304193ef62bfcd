#pragma once

#include <sys/types.h>

#include <string>

namespace pyprof {

/// Opens a file as the process sees it, by its absolute path: below the process's own root, to
/// which its symbolic links lead too, whatever they say. Only a regular file, and only for reading.
/// Returns a descriptor that the caller closes; negative when it cannot be had.
int OpenInRoot(pid_t pid, const std::string& path);

}  // namespace pyprof
