#include "base/shared_library.hpp"

#include <dlfcn.h>
#include <fmt/format.h>

#include <utility>

namespace asterism {
namespace {

std::string loader_message() {
  const char* text = ::dlerror();
  return text != nullptr ? text : "no reason given";
}

}  // namespace

SharedLibrary::SharedLibrary(void* handle, std::string name, std::string hint)
    : handle_(handle), name_(std::move(name)), hint_(std::move(hint)) {}

Result<SharedLibrary> SharedLibrary::open(const std::string& name, const std::string& hint) {
  // All symbols are bound now: a library that lacks one is an error here and not the end of the process later.
  void* handle = ::dlopen(name.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (handle == nullptr) {
    return fail(ErrorCode::kNotFound,
                fmt::format("{}: expected a shared library that can be loaded, found: {}", name, loader_message()),
                hint);
  }
  return SharedLibrary(handle, name, hint);
}

Result<void*> SharedLibrary::find(const char* name) const {
  void* address = ::dlsym(handle_, name);
  if (address == nullptr) {
    return fail(ErrorCode::kMismatch, fmt::format("{}: expected the symbol \"{}\", found none", name_, name), hint_);
  }
  return address;
}

}  // namespace asterism
