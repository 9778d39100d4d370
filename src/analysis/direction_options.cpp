#include "analysis/direction_options.hpp"

#include <utility>

namespace asterism {

std::vector<EstimatorOption> with_direction_options(std::vector<EstimatorOption> own) {
  std::vector<EstimatorOption> options{
      components_option(2),
      {.name = "solver",
       .kind = OptionKind::kWord,
       .default_value = "auto",
       .text = "exact eigenvectors or randomised iteration; auto: exact up to 1,024 dimensions",
       .words = {"auto", "exact", "randomized"}},
      {.name = "iterations",
       .kind = OptionKind::kCount,
       .default_value = 7U,
       .text = "of the randomised solver",
       .max = 1000},
      seed_option()};
  options.insert(options.end(), std::make_move_iterator(own.begin()), std::make_move_iterator(own.end()));
  return options;
}

DirectionOptions direction_options(const Json& options) {
  const std::string_view solver = option_word(options, "solver");
  return {.count = option_count(options, kComponentsOption),
          .solver = solver == "exact"        ? DirectionSolver::kExact
                    : solver == "randomized" ? DirectionSolver::kRandomized
                                             : DirectionSolver::kAuto,
          .iteration_count = option_count(options, "iterations"),
          .seed = option_count(options, kSeedOption)};
}

}  // namespace asterism
