// Whether a file can be made at a path, to be asked before long work whose result goes there.
//
// Thread-safety: pure. Cost: three system calls.
#pragma once

#include <filesystem>

#include "asterism/error.hpp"

namespace asterism {

// kNotFound where the folder of `path` is not there, kInvalidArgument where a folder is in its place, kIo where its
// folder cannot be written to. What changes until then still shows when it is written. Nothing for an empty path.
Result<void> expect_writable(const std::filesystem::path& path);

}  // namespace asterism
