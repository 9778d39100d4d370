// Filters over one item of ten fields: parsing a filter, and running it in memory.
#include <benchmark/benchmark.h>

#include <string_view>

#include "store/filter_matcher.hpp"
#include "store/filter_parser.hpp"

namespace asterism {
namespace {

constexpr std::string_view kMetadata =
    R"({"title":"Roses Black Shirt","brand":"Roses","category":"Apparel","colour":"Black","season":"Winter",)"
    R"("year":2016,"price":1299.5,"in_stock":true,"tags":["casual","cotton","slim"],"maker":{"country":"IN","city":"Pune"}})";

void run(benchmark::State& state, std::string_view text, bool expected) {
  const auto filter = parse_filter(text);
  FilterMatcher matcher(*filter);
  const ItemFields item{.id = "15970", .kind = "text", .content = "Roses Black Shirt", .metadata = kMetadata};
  if (matcher.matches(item).value_or(!expected) != expected) {
    state.SkipWithError("the answer is wrong");
  }
  for ([[maybe_unused]] auto _ : state) {
    benchmark::DoNotOptimize(matcher.matches(item));
  }
}

void first_field(benchmark::State& state) {
  run(state, "title = 'Roses Black Shirt'", true);
}
void last_field(benchmark::State& state) {
  run(state, "maker.country = 'IN'", true);
}
void missing_field(benchmark::State& state) {
  run(state, "weight > 3", false);
}
void three_fields(benchmark::State& state) {
  run(state, "colour in ['Black', 'Blue'] and price between 500 and 2000 and in_stock", true);
}
void pattern_and_array(benchmark::State& state) {
  run(state, "title like '%Shirt' and array_contains(tags, 'cotton') and not year < 2015", true);
}
void own_id(benchmark::State& state) {
  run(state, "$id = '15970'", true);
}
BENCHMARK(first_field);
BENCHMARK(last_field);
BENCHMARK(missing_field);
BENCHMARK(three_fields);
BENCHMARK(pattern_and_array);
BENCHMARK(own_id);

void parse(benchmark::State& state) {
  for ([[maybe_unused]] auto _ : state) {
    benchmark::DoNotOptimize(parse_filter("colour in ['Black', 'Blue'] and price between 500 and 2000 and in_stock"));
  }
}
BENCHMARK(parse);

}  // namespace
}  // namespace asterism
