// The graph on libtorch: as a backend that computes, and as what learns.
#pragma once

#include <memory>

#include "graph/backend_module.hpp"

namespace asterism {

// In float32 it is one more judge beside the reference; with kBF16 it computes as training under autocast does.
std::unique_ptr<Backend> make_torch_backend();

Result<std::unique_ptr<Learner>> make_torch_learner(LearnerSpec spec);

Result<BackendReport> torch_report();

}  // namespace asterism
