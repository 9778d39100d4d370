#include "base/program_module.hpp"

#include <fmt/format.h>

#include "asterism/version.hpp"

namespace asterism {

Result<SharedLibrary> open_program_module(std::string_view name, const std::string& hint) {
  const std::string file_name = fmt::format("libasterism_{}.so", name);
  auto library = SharedLibrary::open(file_name, hint);
  if (!library) {
    return library;
  }
  const auto version = library->symbol<ModuleVersionFunction>(kModuleVersionSymbol);
  if (!version) {
    return std::unexpected(version.error());
  }
  if (const std::string_view found = (*version)(); found != kVersion) {
    return fail(ErrorCode::kMismatch, fmt::format("{}: expected version {}, found {}", file_name, kVersion, found),
                hint);
  }
  return library;
}

}  // namespace asterism
