#include "graph/graph.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <functional>
#include <limits>
#include <string>
#include <vector>

namespace asterism {
namespace {

using testing::HasSubstr;

// table -> embedding -> linear -> relu -> attention-free little model with an alias.
Graph small_graph() {
  GraphBuilder b;
  const ValueId ids = b.input("ids", DType::kI32, {kDynamicDim});
  const ValueId table = b.parameter("words.weight", {10, 4});
  const ValueId words = b.embedding("words", table, ids);
  const ValueId weight = b.parameter("layer.0.dense.weight", {6, 4});
  const ValueId bias = b.parameter("layer.0.dense.bias", {6});
  const ValueId dense = b.linear("layer.0.dense", words, weight, bias);
  const ValueId act = b.activation("layer.0.act", dense, Activation::kRelu);
  b.alias("layer.0", act);
  const ValueId last = b.linear("layer.1", act, b.parameter("layer.1.weight", {3, 6}));
  return b.finish(std::array{last}).value();
}

TEST(GraphBuilder, infers_shapes_as_it_goes) {
  const Graph graph = small_graph();
  EXPECT_EQ(graph.value(graph.find("words").value()).shape, (Shape{kDynamicDim, 4}));
  EXPECT_EQ(graph.value(graph.find("layer.0.dense").value()).shape, (Shape{kDynamicDim, 6}));
  EXPECT_EQ(graph.value(graph.find("layer.1").value()).shape, (Shape{kDynamicDim, 3}));
  EXPECT_TRUE(graph.verify());
}

TEST(GraphBuilder, dump_is_stable) {
  EXPECT_EQ(small_graph().dump(),
            "%0 ids = input() i32 [tokens]\n"
            "%1 words.weight = parameter() f32 [10, 4]\n"
            "%2 words = embedding(%1, %0) f32 [tokens, 4]\n"
            "%3 layer.0.dense.weight = parameter() f32 [6, 4]\n"
            "%4 layer.0.dense.bias = parameter() f32 [6]\n"
            "%5 layer.0.dense = linear(%2, %3, %4) f32 [tokens, 6]\n"
            "%6 layer.0.act = activation(%5) relu f32 [tokens, 6]\n"
            "%7 layer.1.weight = parameter() f32 [3, 6]\n"
            "%8 layer.1 = linear(%6, %7) f32 [tokens, 3]\n"
            "alias layer.0 = %6\n"
            "output %8\n");
}

TEST(GraphBuilder, first_error_sticks_and_names_the_value) {
  GraphBuilder b;
  const ValueId x = b.input("x", DType::kF32, {kDynamicDim, 4});
  const ValueId bad = b.linear("dense", x, b.parameter("w", {6, 5}));
  const ValueId later = b.activation("act", bad, Activation::kRelu);
  const auto graph = b.finish(std::array{later});
  ASSERT_FALSE(graph);
  EXPECT_THAT(graph.error().message,
              HasSubstr("linear \"dense\": the weight must be a parameter [out, 4], found parameter f32 [6, 5]"));
}

TEST(GraphBuilder, refuses_one_name_twice_also_as_alias) {
  GraphBuilder names;
  const ValueId x = names.input("x", DType::kF32, {kDynamicDim, 4});
  names.activation("x", x, Activation::kRelu);
  EXPECT_THAT(names.finish(std::array{x}).error().message, HasSubstr("two values are named \"x\""));

  GraphBuilder aliases;
  const ValueId y = aliases.activation("y", aliases.input("x", DType::kF32, {kDynamicDim, 4}), Activation::kRelu);
  aliases.alias("x", y);
  EXPECT_THAT(aliases.finish(std::array{y}).error().message, HasSubstr("two values are named \"x\""));
}

// Each op refuses operands outside its rule, and says what it expected.
struct BadOp {
  std::string expected;
  std::function<ValueId(GraphBuilder&)> build;
};

class InferenceRule : public testing::TestWithParam<BadOp> {};

TEST_P(InferenceRule, is_enforced) {
  GraphBuilder b;
  const ValueId out = GetParam().build(b);
  const auto graph = b.finish(std::array{out});
  ASSERT_FALSE(graph);
  EXPECT_EQ(graph.error().code, ErrorCode::kInvalidArgument);
  EXPECT_THAT(graph.error().message, HasSubstr(GetParam().expected));
}

ValueId rows(GraphBuilder& b, const std::string& name, std::int64_t dim) {
  return b.input(name, DType::kF32, {kDynamicDim, dim});
}

INSTANTIATE_TEST_SUITE_P(
    All, InferenceRule,
    testing::Values(
        BadOp{"ids must be an input i32 [tokens]",
              [](GraphBuilder& b) {
                return b.embedding("e", b.parameter("t", {4, 2}), rows(b, "x", 2));
              }},
        BadOp{"the table must be a parameter",
              [](GraphBuilder& b) {
                return b.embedding("e", rows(b, "x", 2), b.input("i", DType::kI32, {kDynamicDim}));
              }},
        BadOp{"the bias must be a parameter [6]",
              [](GraphBuilder& b) {
                return b.linear("l", rows(b, "x", 4), b.parameter("w", {6, 4}), b.parameter("b", {5}));
              }},
        BadOp{"b must be f32 [tokens, 4] or spread to it",
              [](GraphBuilder& b) { return b.add("a", rows(b, "x", 4), rows(b, "y", 5)); }},
        BadOp{"b must be f32 [tokens, 4] or spread to it",
              [](GraphBuilder& b) {
                const ValueId x = rows(b, "x", 4);
                return b.multiply("m", x, b.pool("p", x, b.input("r", DType::kI32, {kRowDim, 2}), Pooling::kMean));
              }},
        BadOp{"epsilon must be finite",
              [](GraphBuilder& b) {
                return b.layer_norm("n", rows(b, "x", 4), b.parameter("w", {4}), b.parameter("b", {4}), -1e-5);
              }},
        BadOp{"the weight must be a parameter [4]",
              [](GraphBuilder& b) {
                return b.layer_norm("n", rows(b, "x", 4), b.parameter("w", {3}), b.parameter("b", {4}), 0.0);
              }},
        BadOp{"head_count must divide 4, found 3",
              [](GraphBuilder& b) {
                const ValueId x = rows(b, "x", 4);
                return b.attention("a", {x, x, x, b.input("o", DType::kI32, {kDynamicDim})}, {3, 1.0});
              }},
        BadOp{"the key must be f32 [tokens, 4]",
              [](GraphBuilder& b) {
                const ValueId x = rows(b, "x", 4);
                return b.attention("a", {x, rows(b, "k", 8), x, b.input("o", DType::kI32, {kDynamicDim})}, {2, 1.0});
              }},
        BadOp{"scale must be finite",
              [](GraphBuilder& b) {
                const ValueId x = rows(b, "x", 4);
                return b.attention("a", {x, x, x, b.input("o", DType::kI32, {kDynamicDim})},
                                   {2, std::numeric_limits<double>::infinity()});
              }},
        BadOp{"ranges must be an input i32 [texts, 2]",
              [](GraphBuilder& b) {
                return b.pool("p", rows(b, "x", 4), b.input("r", DType::kI32, {kRowDim, 3}), Pooling::kMean);
              }},
        BadOp{"parts must have the shape of the first, [tokens, 4]",
              [](GraphBuilder& b) {
                const ValueId x = rows(b, "x", 4);
                return b.concat("c", std::array{x, b.input("t", DType::kF32, {kRowDim, 4})});
              }},
        BadOp{"must lie within the 4 of axis 1, found 0 and 5",
              [](GraphBuilder& b) { return b.slice("s", rows(b, "x", 4), {.size = 5}); }},
        BadOp{"must lie within the 4 of axis 1, found 0 and 0",
              [](GraphBuilder& b) { return b.slice("s", rows(b, "x", 4), {.size = 0}); }},
        BadOp{"concat takes 1 to 64 inputs, found 0", [](GraphBuilder& b) { return b.concat("c", {}); }},
        BadOp{"dimension 1 of [-1, 0] must be positive", [](GraphBuilder& b) { return rows(b, "x", 0); }},
        BadOp{"epsilon must be finite", [](GraphBuilder& b) {
                return b.normalize("n", rows(b, "x", 4), std::numeric_limits<double>::quiet_NaN());
              }}));

TEST(Graph, cut_by_alias_removes_what_is_not_needed) {
  const Graph graph = small_graph();
  EXPECT_EQ(graph.op_count(), 4U);
  const Graph cut = graph.cut(std::vector<std::string>{"layer.0"}).value();
  EXPECT_EQ(cut.op_count(), 3U);
  EXPECT_FALSE(cut.find("layer.1"));
  EXPECT_FALSE(cut.find("layer.1.weight"));
  EXPECT_EQ(cut.value(cut.outputs()[0]).name, "layer.0.act");
  EXPECT_TRUE(cut.find("layer.0"));
  EXPECT_TRUE(cut.verify());
}

TEST(Graph, cut_keeps_the_order_of_the_outputs_asked_for) {
  const Graph cut = small_graph().cut(std::vector<std::string>{"layer.1", "words"}).value();
  ASSERT_EQ(cut.outputs().size(), 2U);
  EXPECT_EQ(cut.value(cut.outputs()[0]).name, "layer.1");
  EXPECT_EQ(cut.value(cut.outputs()[1]).name, "words");
}

TEST(Graph, unknown_layer_lists_near_names) {
  const auto cut = small_graph().cut(std::vector<std::string>{"layer.0.dens"});
  ASSERT_FALSE(cut);
  EXPECT_EQ(cut.error().code, ErrorCode::kNotFound);
  EXPECT_THAT(cut.error().hint, HasSubstr("layer.0.dense"));
}

TEST(Graph, cut_at_an_input_or_a_weight_is_refused) {
  for (const char* name : {"ids", "words.weight"}) {
    const auto cut = small_graph().cut(std::vector<std::string>{name});
    ASSERT_FALSE(cut) << name;
    EXPECT_THAT(cut.error().message, HasSubstr("is computed by nothing"));
  }
}

TEST(Graph, continued_graph_grows_from_an_existing_value) {
  GraphBuilder b(small_graph());
  const ValueId pooled =
      b.pool("pooled", b.existing("layer.0"), b.input("ranges", DType::kI32, {kRowDim, 2}), Pooling::kMean);
  const Graph graph = b.finish(std::array{pooled}).value();
  EXPECT_EQ(graph.outputs().size(), 1U);
  EXPECT_EQ(graph.value(pooled).shape, (Shape{kRowDim, 6}));
}

TEST(Graph, continued_graph_reports_a_value_that_is_not_there) {
  GraphBuilder b(small_graph());
  const ValueId x = b.existing("layer.7");
  EXPECT_EQ(b.finish(std::array{x}).error().code, ErrorCode::kNotFound);
}

// The verifier finds what the builder would never make.
struct Broken {
  std::string expected;
  std::function<void(std::vector<Value>&, std::vector<ValueId>&, std::vector<Alias>&)> damage;
};

class BrokenGraph : public testing::TestWithParam<Broken> {};

TEST_P(BrokenGraph, is_found_by_the_verifier) {
  const Graph good = small_graph();
  std::vector<Value> values(good.values().begin(), good.values().end());
  std::vector<ValueId> outputs(good.outputs().begin(), good.outputs().end());
  std::vector<Alias> aliases(good.aliases().begin(), good.aliases().end());
  GetParam().damage(values, outputs, aliases);
  const auto verified = Graph(values, outputs, aliases).verify();
  ASSERT_FALSE(verified);
  EXPECT_THAT(verified.error().message, HasSubstr(GetParam().expected));
}

using Values = std::vector<Value>;
using Ids = std::vector<ValueId>;
using Aliases = std::vector<Alias>;

INSTANTIATE_TEST_SUITE_P(
    All, BrokenGraph,
    testing::Values(
        Broken{"uses %8, which does not precede it", [](Values& v, Ids&, Aliases&) { v[5].inputs[0] = ValueId{8}; }},
        Broken{"uses %5, which does not precede it", [](Values& v, Ids&, Aliases&) { v[5].inputs[0] = ValueId{5}; }},
        Broken{"uses %99, which does not precede it", [](Values& v, Ids&, Aliases&) { v[5].inputs[0] = ValueId{99}; }},
        Broken{"linear takes 2 to 3 inputs, found 1", [](Values& v, Ids&, Aliases&) { v[5].inputs.resize(1); }},
        Broken{"inference gives f32 [tokens, 6], found f32 [tokens, 7]",
               [](Values& v, Ids&, Aliases&) { v[6].shape[1] = 7; }},
        Broken{"found f16", [](Values& v, Ids&, Aliases&) { v[6].dtype = DType::kF16; }},
        Broken{"has the same name", [](Values& v, Ids&, Aliases&) { v[6].name = v[2].name; }},
        Broken{"the name is empty", [](Values& v, Ids&, Aliases&) { v[6].name.clear(); }},
        Broken{"an op outside the op table", [](Values& v, Ids&, Aliases&) { v[6].op = Op{200}; }},
        Broken{"there is no output", [](Values&, Ids& o, Aliases&) { o.clear(); }},
        Broken{"output %50 is not a value", [](Values&, Ids& o, Aliases&) { o[0] = ValueId{50}; }},
        Broken{"alias \"words\"", [](Values&, Ids&, Aliases& a) { a[0].name = "words"; }},
        Broken{"alias \"layer.0\" of %70", [](Values&, Ids&, Aliases& a) { a[0].value = ValueId{70}; }}));

TEST(OpTable, is_in_the_order_of_the_enum_with_unique_names) {
  std::vector<std::string_view> names;
  for (std::size_t i = 0; i < op_table().size(); ++i) {
    const OpTraits& traits = op_table()[i];
    EXPECT_EQ(static_cast<std::size_t>(traits.op), i);
    EXPECT_EQ(std::ranges::count(names, traits.name), 0) << traits.name;
    EXPECT_LE(traits.input_count_min, traits.input_count_max);
    names.push_back(traits.name);
  }
  EXPECT_EQ(op_table().back().op, Op::kGatherTokens) << "a new op needs a row";
}

ParameterMap parameters_of(const Graph& graph) {
  ParameterMap parameters;
  for (const Value& value : graph.values()) {
    if (value.op == Op::kParameter) {
      parameters.emplace(value.name, Tensor(DType::kF32, value.shape));
    }
  }
  return parameters;
}

TEST(ParameterCheck, accepts_the_exact_set) {
  const Graph graph = small_graph();
  EXPECT_TRUE(graph.check_parameters(parameters_of(graph), "model"));
}

TEST(ParameterCheck, one_error_names_missing_misshaped_and_unknown) {
  const Graph graph = small_graph();
  ParameterMap parameters = parameters_of(graph);
  parameters.erase("layer.1.weight");
  parameters.insert_or_assign("layer.0.dense.bias", Tensor(DType::kF32, {7}));
  parameters.emplace("extra.weight", Tensor(DType::kF32, {1}));
  const auto checked = graph.check_parameters(parameters, "FOLDER");
  ASSERT_FALSE(checked);
  EXPECT_EQ(checked.error().code, ErrorCode::kMismatch);
  EXPECT_THAT(checked.error().message, HasSubstr("FOLDER: "));
  EXPECT_THAT(checked.error().message, HasSubstr("1 missing: layer.1.weight"));
  EXPECT_THAT(checked.error().message, HasSubstr("1 misshaped: layer.0.dense.bias (expected [6], found [7])"));
  EXPECT_THAT(checked.error().message, HasSubstr("1 unknown: extra.weight"));
}

TEST(ParameterCheck, many_names_are_counted_not_listed) {
  const Graph graph = small_graph();
  ParameterMap parameters = parameters_of(graph);
  for (int i = 0; i < 30; ++i) {
    parameters.emplace("extra." + std::to_string(100 + i), Tensor(DType::kF32, {1}));
  }
  EXPECT_THAT(graph.check_parameters(parameters, "x").error().message, HasSubstr("30 unknown: extra.100, extra.101"));
  EXPECT_THAT(graph.check_parameters(parameters, "x").error().message, HasSubstr("and 22 more"));
}

TEST(ParameterCheck, a_cut_graph_may_be_bound_with_more_than_it_needs) {
  const Graph graph = small_graph();
  const Graph cut = graph.cut(std::vector<std::string>{"words"}).value();
  EXPECT_TRUE(cut.check_bound(parameters_of(graph)));
  EXPECT_FALSE(cut.check_parameters(parameters_of(graph), "x"));
}

}  // namespace
}  // namespace asterism
