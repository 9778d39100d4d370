// What a run works on, whatever it learns from: a network, batches to learn from, rows to evaluate, and how to write
// the result. Another kind of data is another TrainingTask.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "asterism/cancel.hpp"
#include "asterism/error.hpp"
#include "graph/learner.hpp"
#include "train/batch.hpp"
#include "train/network.hpp"

namespace asterism {

enum class Split : std::uint8_t { kTrain, kValidation, kTest };

// Rows that could not be used, or were left out: the first few are named in reports.
inline constexpr std::size_t kSkippedNamesMax = 20;

// What was found in the data, for the report and the command line.
struct DataReport {
  struct Class {
    std::string name;
    std::int64_t train_count = 0, validation_count = 0, test_count = 0;
  };
  std::int64_t train_count = 0, validation_count = 0, test_count = 0;
  std::vector<Class> classes;
  // Rows of [evaluation], where the recipe has one: what plain(), labels(), thumbnail() and raw_vector() are of.
  struct Evaluated {
    std::int64_t train_count = 0, validation_count = 0, test_count = 0;
    std::vector<Class> classes;
  };
  std::optional<Evaluated> evaluated = {};
  std::vector<std::string> skipped;  // "FILE: why", the first few
  std::int64_t skipped_count = 0;
  // Left out of what is learnt from, because the same picture is held out under another name.
  std::vector<std::string> copies;  // "FILE: same as OTHER", the first few
  std::int64_t copy_count = 0;
  // What a checkpoint knows the data by: a digest of each thing, by what it is of ("names", "labels", ...).
  std::map<std::string, std::string> digests;
  std::vector<std::string> warnings;  // what the data lacks, such as a column that says nothing

  // Of labels() of the task.
  const std::vector<Class>& label_classes() const { return evaluated ? evaluated->classes : classes; }

  // Counts a row that can not be used; `why` is "FILE: why".
  void skip(std::string why) {
    ++skipped_count;
    if (skipped.size() < kSkippedNamesMax) {
      skipped.push_back(std::move(why));
    }
  }
};

// The count of a split in a report or in a class of it.
template <typename Counts>
std::int64_t& count_of(Counts& counts, Split split) {
  switch (split) {
    case Split::kTrain:
      return counts.train_count;
    case Split::kValidation:
      return counts.validation_count;
    case Split::kTest:
      break;
  }
  return counts.test_count;
}

class TrainingTask {
 public:
  virtual ~TrainingTask() = default;
  virtual const TrainingNetwork& network() const noexcept = 0;
  virtual const DataReport& data() const noexcept = 0;
  // Batches as the network learns from them: augmented, shuffled by epoch.
  virtual const BatchSource& training() const noexcept = 0;
  // The same feeds for a loss on rows that are not learnt from; the same at every epoch. May have no rows.
  virtual const BatchSource& held_out() const noexcept = 0;
  // Every row that is learnt from once, unaugmented: feeds of the evaluation graph.
  virtual const BatchSource& learnt() const noexcept { return plain(Split::kTrain); }
  // Every row of a split of what is evaluated, once, unaugmented, in the order of the data: feeds of the evaluation
  // graph. Its batches name rows by their position in the split, from 0: what labels(), thumbnail() and raw_vector()
  // are asked by.
  virtual const BatchSource& plain(Split split) const noexcept = 0;
  // Labels of the rows of `plain(split)` in its order; empty without labels.
  virtual const std::vector<std::int32_t>& labels(Split split) const noexcept = 0;
  // The picture of a row of plain(split), as a JPEG or PNG of at most `edge` pixels, for the report; empty for tables.
  virtual Result<std::string> thumbnail(Split split, std::int64_t row, std::int64_t edge) const = 0;
  // The row as numbers without any network (raw pixels at no more than 32 x 32; standardised columns): the baseline.
  virtual Result<std::vector<float>> raw_vector(Split split, std::int64_t row) const = 0;
  // Of tables: the cells of a row as the network is given them, by name of their column. Empty for pictures.
  using Cells = std::vector<std::pair<std::string, std::string>>;
  virtual Cells row_cells(Split /*split*/, std::int64_t /*row*/) const { return {}; }
  // Of tables: what the network makes of rows of a split, from all over it. Empty for pictures.
  struct Reconstructed {
    std::int64_t row = 0;  // position in the split
    Cells cells;
  };
  virtual Result<std::vector<Reconstructed>> reconstructed_rows(Learner& /*learner*/, Split /*split*/,
                                                                std::int64_t /*count*/) const {
    return std::vector<Reconstructed>{};
  }
  // A model folder; its vector is that of the network, or what `projection` makes of it.
  virtual Result<void> write_model(const ParameterMap& parameters, const std::optional<VectorProjection>& projection,
                                   const std::filesystem::path& folder) const = 0;
};

struct TaskWatch {
  const CancelFlag* cancel = nullptr;                                          // borrowed; may be null
  std::function<void(std::string_view stage, double share)> on_progress = {};  // reading data, teacher vectors
};

// Reads the data (names, not pictures), splits it, and builds the network. `cache` is a folder of the run for teacher
// vectors.
Result<std::unique_ptr<TrainingTask>> make_picture_task(const Recipe& recipe, const std::filesystem::path& cache,
                                                        const TaskWatch& watch);

// The same of rows of tables, for kind "tabular_autoencoder".
Result<std::unique_ptr<TrainingTask>> make_table_task(const Recipe& recipe);

}  // namespace asterism
