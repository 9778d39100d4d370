// The suite of executable_suite.hpp on the reference and on OpenVINO, and what only OpenVINO does.
#include "conform/executable_suite.hpp"

#include "openvino/openvino_backend.hpp"
#include "reference/reference_backend.hpp"

namespace asterism::conform {
namespace {

TEST(OpenVinoExecutables, one_row_more_than_the_fixed_count_is_refused) {
  const Encoder encoder = small_image_encoder();
  const auto fixed = make_openvino_backend()->compile(encoder.graph, encoder.parameters, {.row_count = 4}).value();
  const auto result = fixed->run({{"input", filled({5, 3, 8, 8}, 9)}});
  ASSERT_FALSE(result.has_value());
  EXPECT_THAT(result.error().to_string(), HasSubstr("at most 4 rows"));
}

INSTANTIATE_TEST_SUITE_P(All, Executables,
                         testing::Values(BackendCase{"reference", make_reference_backend},
                                         BackendCase{"openvino", make_openvino_backend}),
                         [](const auto& test) { return test.param.name; });

TEST(OpenVinoReport, names_version_and_capabilities) {
  const auto report = openvino_report();
  ASSERT_TRUE(report) << report.error().to_string();
  EXPECT_FALSE(report->version.empty());
  EXPECT_GT(std::ranges::count(report->capabilities, "FP32"), 0);
}

TEST(OpenVinoBackend, refuses_no_threads) {
  const Encoder encoder = small_encoder();
  EXPECT_FALSE(make_openvino_backend()->compile(encoder.graph, encoder.parameters, {.thread_count = 0}));
  EXPECT_FALSE(make_openvino_backend()->compile(encoder.graph, encoder.parameters, {.stream_count = 0}));
}

}  // namespace
}  // namespace asterism::conform
