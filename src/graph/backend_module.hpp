// Backends that live in modules of their own (base/program_module.hpp) and are opened when first needed.
#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "asterism/error.hpp"
#include "graph/backend.hpp"
#include "graph/foreign_model.hpp"
#include "graph/learner.hpp"

namespace asterism {

// What `asterism doctor` shows.
struct BackendReport {
  std::string version;                     // of the library behind the backend
  std::vector<std::string> capabilities;   // of its device: "FP32", "BF16", ...
  bool bf16_native = false;                // what precision `auto` turns on
  std::vector<std::string> warnings = {};  // what makes it slow here, and what to do about it
};

class BackendModule {
 public:
  virtual ~BackendModule() = default;
  virtual std::unique_ptr<Backend> make_backend() const = 0;
  virtual Result<BackendReport> report() const = 0;
  // A model file of foreign_format(). kNotFound, kCorrupt, kUnsupported name the file.
  virtual Result<std::unique_ptr<ForeignModel>> open_foreign_model(const std::filesystem::path& path) const = 0;
  // kUnsupported from a backend that does not learn, kInvalidArgument for a spec that contradicts itself.
  virtual Result<std::unique_ptr<Learner>> make_learner(LearnerSpec spec) const = 0;
};

// What a backend's module shows beside its version: itself.
inline constexpr const char* kBackendModuleSymbol = "asterism_backend_module";
using BackendModuleFunction = const BackendModule* (*)();

// `name`: "openvino" or "torch". The module stays loaded; asking again costs little.
Result<const BackendModule*> load_backend_module(std::string_view name);

}  // namespace asterism
