// What libasterism_torch.so shows (graph/backend_module.hpp).
#include "asterism/version.hpp"
#include "graph/backend_module.hpp"
#include "torch/torch_backend.hpp"

namespace asterism {
namespace {

class TorchModule final : public BackendModule {
 public:
  std::unique_ptr<Backend> make_backend() const override { return make_torch_backend(); }
  Result<BackendReport> report() const override { return torch_report(); }
  Result<std::unique_ptr<ForeignModel>> open_foreign_model(const std::filesystem::path& path) const override {
    return fail(ErrorCode::kUnsupported, path.string() + ": the torch backend opens no model files",
                "use the openvino backend");
  }
  Result<std::unique_ptr<Learner>> make_learner(LearnerSpec spec) const override {
    return make_torch_learner(std::move(spec));
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
  static const asterism::TorchModule module;
  return &module;
}

}  // extern "C"
