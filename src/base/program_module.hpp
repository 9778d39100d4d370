// Parts of the program in shared libraries of their own (libasterism_<name>.so), opened when first needed: what they
// bring along would otherwise be loaded at every start.
//
// Program and module are built together: types cross between them by value, exceptions do not. A module of another
// version is refused before anything else of it is touched. Thread-safety: any thread.
#pragma once

#include <string>
#include <string_view>

#include "asterism/error.hpp"
#include "base/shared_library.hpp"

namespace asterism {

// What every module shows: the version of Asterism that it belongs to.
inline constexpr const char* kModuleVersionSymbol = "asterism_backend_module_version";
using ModuleVersionFunction = const char* (*)();

// The library, of this version. It stays loaded; asking again costs little. kNotFound with `hint`, kMismatch.
Result<SharedLibrary> open_program_module(std::string_view name, const std::string& hint);

}  // namespace asterism
