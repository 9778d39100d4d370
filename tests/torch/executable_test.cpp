// The suite of tests/conform on torch.
#include "conform/executable_suite.hpp"

#include "torch/torch_backend.hpp"

namespace asterism::conform {
namespace {

INSTANTIATE_TEST_SUITE_P(All, Executables, testing::Values(BackendCase{"torch", make_torch_backend}),
                         [](const auto& test) { return test.param.name; });

TEST(TorchBackend, refuses_no_threads) {
  const Encoder encoder = small_encoder();
  EXPECT_FALSE(make_torch_backend()->compile(encoder.graph, encoder.parameters, {.thread_count = 0}));
  EXPECT_FALSE(make_torch_backend()->compile(encoder.graph, encoder.parameters, {.stream_count = 0}));
}

}  // namespace
}  // namespace asterism::conform
