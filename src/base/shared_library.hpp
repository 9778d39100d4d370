// A shared library opened while the program runs, so that a start that does not need it does not pay for it.
//
// Ownership: the handle is never closed: libraries opened so start threads and register exit handlers, whose code must
// stay. Thread-safety: open() and symbol() may be called from any thread.
#pragma once

#include <string>
#include <type_traits>

#include "asterism/error.hpp"

namespace asterism {

class SharedLibrary {
 public:
  // By file name: looked for where the binary that holds this code looks for its own libraries (its RUNPATH), then
  // where the system does. By path: there. kNotFound says what the loader said; `hint` tells the user what to do about
  // it.
  static Result<SharedLibrary> open(const std::string& name, const std::string& hint);

  // A function or an object that the library shows. kMismatch when it does not: it is another version.
  template <typename Pointer>
  requires std::is_pointer_v<Pointer> Result<Pointer> symbol(const char* name)
  const {
    const auto address = find(name);
    if (!address) {
      return std::unexpected(address.error());
    }
    return reinterpret_cast<Pointer>(*address);
  }

 private:
  SharedLibrary(void* handle, std::string name, std::string hint);
  Result<void*> find(const char* name) const;

  void* handle_ = nullptr;
  std::string name_;
  std::string hint_;
};

}  // namespace asterism
