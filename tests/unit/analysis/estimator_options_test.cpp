#include "analysis/estimator_options.hpp"

#include <gtest/gtest.h>

#include <string>

#include "analysis/estimators.hpp"

namespace asterism {
namespace {

EstimatorMethod example() {
  return {
      .name = "example",
      .summary = "for tests",
      .options = {
          components_option(2),
          {.name = "rate", .kind = OptionKind::kNumber, .default_value = 0.5, .text = "", .max = 1.0},
          {.name = "start", .kind = OptionKind::kWord, .default_value = "pca", .text = "", .words = {"pca", "random"}},
          {.name = "whiten", .kind = OptionKind::kFlag, .default_value = false, .text = ""}}};
}

std::string refusal(const Json& given) {
  const auto all = complete_options(example(), given, "example");
  return all ? std::string() : all.error().to_string();
}

TEST(EstimatorOptions, those_left_out_have_their_defaults) {
  const auto all = complete_options(example(), {{"rate", 1}, {"components", 3.0}}, "example");
  ASSERT_TRUE(all) << all.error().to_string();
  EXPECT_EQ(all->dump(), R"({"components":3,"rate":1.0,"start":"pca","whiten":false})");
  EXPECT_EQ(complete_options(example(), Json(), "example")->dump(),
            R"({"components":2,"rate":0.5,"start":"pca","whiten":false})");
}

TEST(EstimatorOptions, errors_say_what_was_expected_and_found) {
  EXPECT_EQ(refusal({{"component", 3}}),
            "example: expected an option of example, found 'component' (did you mean 'components'?)");
  EXPECT_NE(refusal({{"nonsense", 3}}).find("there are components, rate, start, whiten"), std::string::npos);
  EXPECT_EQ(refusal({{"components", 0}}), "example: components: expected a whole number from 1 on, found 0");
  EXPECT_NE(refusal({{"components", 2.5}}).find("found 2.5"), std::string::npos);
  EXPECT_NE(refusal({{"components", -1}}).find("found -1"), std::string::npos);
  EXPECT_NE(refusal({{"components", "2"}}).find("found \"2\""), std::string::npos);
  EXPECT_EQ(refusal({{"rate", 1.5}}), "example: rate: expected a number from 0 to 1, found 1.5");
  EXPECT_EQ(refusal({{"start", "umap"}}), "example: start: expected one of pca, random, found \"umap\"");
  EXPECT_EQ(refusal({{"whiten", 1}}), "example: whiten: expected true or false, found 1");
  EXPECT_NE(refusal(Json::array({1})), "");
}

TEST(EstimatorOptions, words_of_the_command_line_become_values) {
  EXPECT_EQ(*parse_option(example(), "components", "12"), Json(12U));
  EXPECT_EQ(*parse_option(example(), "rate", "1e-3"), Json(1e-3));
  EXPECT_EQ(*parse_option(example(), "start", "random"), Json("random"));
  EXPECT_EQ(*parse_option(example(), "whiten", "true"), Json(true));
  for (const auto& [name, text] : {std::pair{"components", "2x"},
                                   {"components", "-1"},
                                   {"components", ""},
                                   {"rate", "half"},
                                   {"rate", "0.5 "},
                                   {"whiten", "yes"}}) {
    EXPECT_FALSE(parse_option(example(), name, text)) << name << "=" << text;
  }
  EXPECT_FALSE(parse_option(example(), "other", "1"));
}

TEST(EstimatorOptions, defaults_of_every_method_are_allowed) {
  for (const EstimatorMethod& method : estimator_methods()) {
    const auto all = complete_options(method, Json(), method.name);
    ASSERT_TRUE(all) << all.error().to_string();
    EXPECT_TRUE(all->contains(kComponentsOption)) << method.name;
    for (const EstimatorOption& option : method.options) {
      EXPECT_FALSE(option.text.empty()) << method.name << " " << option.name;
    }
  }
}

TEST(EstimatorOptions, an_unknown_method_names_the_nearest) {
  const auto found = find_estimator_method("pac");
  ASSERT_FALSE(found);
  EXPECT_EQ(found.error().to_string(), "expected a method of reduction, found 'pac' (did you mean 'pca'?)");
}

}  // namespace
}  // namespace asterism
