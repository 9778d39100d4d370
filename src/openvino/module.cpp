// What libasterism_openvino.so shows (graph/backend_module.hpp).
#include "asterism/version.hpp"
#include "graph/backend_module.hpp"
#include "openvino/openvino_backend.hpp"

namespace asterism {
namespace {

class OpenVinoModule final : public BackendModule {
 public:
  std::unique_ptr<Backend> make_backend() const override { return make_openvino_backend(); }
  Result<BackendReport> report() const override { return openvino_report(); }
  Result<std::unique_ptr<ForeignModel>> open_foreign_model(const std::filesystem::path& path) const override {
    return asterism::open_foreign_model(path);
  }
  Result<std::unique_ptr<Learner>> make_learner(LearnerSpec /*spec*/) const override {
    return fail(ErrorCode::kUnsupported, "the openvino backend does not learn", "use the torch backend");
  }
};

}  // namespace
}  // namespace asterism

extern "C" {

const char* asterism_backend_module_version();
const char* asterism_backend_module_version() {
  return asterism::kVersion.data();  // a literal: ends in a zero
}

const asterism::BackendModule* asterism_backend_module();
const asterism::BackendModule* asterism_backend_module() {
  static const asterism::OpenVinoModule module;
  return &module;
}

}  // extern "C"
