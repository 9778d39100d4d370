#include "graph/backend_module.hpp"

#include <gtest/gtest.h>

namespace asterism {
namespace {

TEST(BackendModule, the_program_s_own_gives_a_backend) {
  const auto module = load_backend_module("openvino");
  ASSERT_TRUE(module) << module.error().to_string();
  EXPECT_EQ((*module)->make_backend()->name(), "openvino");
  const auto report = (*module)->report();
  ASSERT_TRUE(report) << report.error().to_string();
  EXPECT_NE(report->version, "");
}

TEST(BackendModule, asking_again_gives_the_same_module) {
  const auto first = load_backend_module("openvino");
  const auto second = load_backend_module("openvino");
  ASSERT_TRUE(first && second);
  EXPECT_EQ(*first, *second);
}

// A graph goes in and tensors come out: what crosses the border must outlive the backend that made it.
TEST(BackendModule, a_graph_runs_in_the_module_and_its_results_outlive_it) {
  GraphBuilder builder;
  const ValueId x = builder.input("x", DType::kF32, {kDynamicDim, 2});
  const ValueId outputs[] = {builder.add("sum", x, builder.parameter("bias", {2}))};
  const auto graph = builder.finish(outputs);
  ASSERT_TRUE(graph) << graph.error().to_string();
  Tensor bias(DType::kF32, {2});
  bias.mutable_as<float>()[0] = 1.0F;
  bias.mutable_as<float>()[1] = 2.0F;
  Tensor rows(DType::kF32, {1, 2});
  rows.mutable_as<float>()[0] = 10.0F;
  rows.mutable_as<float>()[1] = 20.0F;

  Result<std::vector<Tensor>> results;
  {
    const auto module = load_backend_module("openvino");
    ASSERT_TRUE(module);
    const auto executable = (*module)->make_backend()->compile(*graph, {{"bias", bias}}, {});
    ASSERT_TRUE(executable) << executable.error().to_string();
    results = (*executable)->run({{"x", rows}});
    const auto refused = (*executable)->run({});
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, ErrorCode::kInvalidArgument) << refused.error().message;
  }
  ASSERT_TRUE(results) << results.error().to_string();
  EXPECT_EQ(results->front().as<float>()[0], 11.0F);
  EXPECT_EQ(results->front().as<float>()[1], 22.0F);
}

TEST(BackendModule, one_that_is_not_there_is_named) {
  const auto module = load_backend_module("nowhere");
  ASSERT_FALSE(module);
  EXPECT_EQ(module.error().code, ErrorCode::kNotFound);
  EXPECT_NE(module.error().message.find("libasterism_nowhere.so"), std::string::npos) << module.error().message;
  EXPECT_NE(module.error().hint, "");
}

TEST(BackendModule, one_of_another_version_is_refused_untouched) {
  const auto module = load_backend_module("other_version");
  ASSERT_FALSE(module);
  EXPECT_EQ(module.error().code, ErrorCode::kMismatch) << module.error().message;
  EXPECT_NE(module.error().message.find("0.0.0-other"), std::string::npos) << module.error().message;
}

TEST(BackendModule, a_library_that_is_no_module_is_refused) {
  const auto module = load_backend_module("no_backend");
  ASSERT_FALSE(module);
  EXPECT_EQ(module.error().code, ErrorCode::kMismatch) << module.error().message;
}

}  // namespace
}  // namespace asterism
