// A recipe: all that a training run is told, as one TOML file (recipes/README.md).
//
// Reading is strict: an unknown key, a value of another type or outside its range is an error that names the file, the
// line, the key and, for an unknown one, the nearest known. Ownership: values. Thread-safety: values.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "asterism/encoder.hpp"
#include "asterism/error.hpp"
#include "base/json.hpp"
#include "graph/learner.hpp"
#include "models/settings_reader.hpp"
#include "tensor/dtype.hpp"

namespace asterism {

// What is learnt from. The word in the recipe is recipe_kind_name().
enum class RecipeKind : std::uint8_t {
  kSupervised,             // "supervised"
  kAutoencoder,            // "autoencoder": dense, convolutional, denoising, sparse, variational
  kMaskedAutoencoder,      // "masked_autoencoder"
  kSimclr,                 // "simclr"
  kSupervisedContrastive,  // "supervised_contrastive"
  kTriplet,                // "triplet"
  kVicreg,                 // "vicreg"
  kData2vec,               // "data2vec"
  kDistillation,           // "distillation"
  kTabularAutoencoder,     // "tabular_autoencoder"
  kFusion,                 // "fusion": vectors of an encoder beside columns of a table; nothing is learnt by gradient
};

// [data]
struct DataRecipe {
  // Folders of pictures (the label is the first folder below), csv or jsonl tables, npy arrays of pictures
  // [rows, height, width], [rows, height, width, channels] or of vectors, sprite sheets. Relative to the recipe's file.
  std::vector<std::string> inputs;
  std::string image_column;    // of tables; paths are relative to the table
  std::string image_folder;    // of tables: where those paths begin, below the table's folder
  std::int64_t tile_size = 0;  // > 0: pictures given as inputs are sheets of square tiles of so many pixels
  std::string text_column;     // of tables, for fusion: instead of image_column
  std::string label_column;    // of tables; empty = no labels
  std::string group_column;    // of tables: rows of one group fall into one split. Empty = each row alone
  std::string label_pattern;   // instead of folders: what it takes of the name without extension (name_pattern.hpp)
  std::string group_pattern;   // likewise
  std::string labels_file;     // npy or text file of labels, one a row, for arrays
  double validation_share = 0.1;
  double test_share = 0.1;
  std::uint64_t split_seed = 0;
  std::vector<std::string> numeric_columns;      // of tables, for tabular_autoencoder and fusion
  std::vector<std::string> categorical_columns;  // likewise
  // Values of categorical columns that fewer training rows have share one number.
  std::int64_t rare_count_min = 5;
  std::int64_t row_count_max = 0;  // the first rows by split hash; 0 = all
  // Pictures kept in memory after decoding, at most; the rest is decoded again in every epoch.
  std::int64_t cache_size_bytes = 0;
};

// [model]
struct ModelRecipe {
  // "lenet", "resnet", "vit", "vit_mae", "data2vec", "autoencoder", "tabular". Its sizes are in `settings`.
  std::string architecture;
  std::string from;  // start from this model folder instead of from random weights
  std::int64_t image_size = 32;
  std::int64_t channel_count = 3;
  std::vector<double> mean = {0.5, 0.5, 0.5};
  std::vector<double> std = {0.5, 0.5, 0.5};
  DType weights_dtype = DType::kF32;  // of the matrices that are written: kF32 or kF16; vectors stay f32
  std::vector<std::string> frozen;    // names of values or parameters: these and all below stay as they are
  Json settings = Json::object();     // the other keys of [model], checked by the architecture
  SettingsPlaces places;              // where these stand
};

// [objective]: `kind` and what belongs to it. Keys of other kinds are errors.
struct ObjectiveRecipe {
  RecipeKind kind = RecipeKind::kSupervised;
  Json settings = Json::object();  // checked by the network of the kind
  SettingsPlaces places;           // where these stand
};

// [augmentation]: what happens to a picture before the network sees it, in this order. All off by default.
struct AugmentationRecipe {
  double crop_area_min = 1.0;     // random resized crop: share of the area, from this to 1 ...
  double crop_aspect_max = 1.0;   // ... and aspect ratio, from 1 / this to this
  bool flip = false;              // left and right, every second picture
  std::int64_t shift_pixels = 0;  // zero padding on each side, then a random crop back
  double rotation_degrees = 0.0;
  double jitter_probability = 0.0;
  double brightness = 0.0;
  double contrast = 0.0;
  double saturation = 0.0;
  double hue = 0.0;
  double grey_probability = 0.0;
  double blur_probability = 0.0;
  double blur_sigma_min = 0.1;
  double blur_sigma_max = 2.0;
  double solarize_probability = 0.0;
  double erase_probability = 0.0;  // a random rectangle becomes the mean
  double mixup_alpha = 0.0;        // of Beta(alpha, alpha); supervised only
};

inline constexpr std::int64_t kEvaluationVectorCountMax = 10'000;

enum class ScheduleKind : std::uint8_t { kConstant, kCosine, kStep };

// [training], [optimizer] and [schedule]
struct TrainingRecipe {
  std::int64_t epoch_count = 10;
  std::int64_t batch_size = 128;
  std::int64_t accumulation_count = 1;  // micro-batches a step; each has batch_size rows
  Precision precision = Precision::kAuto;
  LearnerDevice device = LearnerDevice::kAuto;
  std::size_t thread_count = 0;  // of the backend; 0 = every processor
  std::size_t worker_count = 0;  // that decode and augment; 0 = as many as processors
  std::uint64_t seed = 0;
  std::int64_t checkpoint_steps = 0;       // a checkpoint every so many steps; 0 = once an epoch
  std::int64_t checkpoint_count = 2;       // kept, beside the best
  std::int64_t early_stopping_epochs = 0;  // without a better `early_stopping_metric`; 0 = never
  std::string early_stopping_metric = "validation_loss";
  std::int64_t evaluation_epochs = 1;           // neighbour accuracy and linear probe every so many epochs
  std::int64_t evaluation_vector_count = 1000;  // rows whose vectors are kept then (evaluation_vectors.hpp); 0 = none
  double average_decay = 0.0;                   // of the weights' moving average; 0 = none. Teachers need one
  double average_decay_start = 0.0;             // grows to average_decay over average_ramp_epochs; 0 = from the start
  double average_ramp_epochs = 0.0;
  OptimizerOptions optimizer;
  double learning_rate = 1e-3;
  double layer_decay = 1.0;  // each layer's rate is this times that of the layer above
  ScheduleKind schedule = ScheduleKind::kCosine;
  double warmup_epochs = 0.0;
  double learning_rate_min = 0.0;   // where cosine ends
  std::vector<double> step_epochs;  // of kStep ...
  double step_factor = 0.1;         // ... and what the rate is multiplied by there
};

// [output]: what is made of the vector when training has ended. May be changed on a finished run.
struct OutputRecipe {
  std::int64_t whitening = 0;  // directions kept, each with variance 1 on the training rows; 0 = the vector as it is

  bool operator==(const OutputRecipe&) const = default;
};

struct Recipe {
  std::string name;
  std::string description;
  std::filesystem::path file;  // it was read from; inputs are relative to its folder
  std::string text;            // as read, for RUN/recipe.toml; with overrides, all keys as they are after them
  // Every key with the value that holds, defaults too: {"training": {"epochs": 10, ...}, ...}. What a checkpoint is
  // compared by, and what the report shows.
  Json settings = Json::object();
  DataRecipe data;
  // [evaluation]: other pictures that figures are of, with labels of their own, where the recipe learns without any.
  // No inputs: those of [data].
  DataRecipe evaluation;
  ModelRecipe model;
  ObjectiveRecipe objective;
  AugmentationRecipe augmentation;
  TrainingRecipe training;
  OutputRecipe output;
};

// Whether the kind learns from labels of its own data.
bool learns_from_labels(RecipeKind kind) noexcept;

std::string_view recipe_kind_name(RecipeKind kind) noexcept;

// Longest recipe read.
inline constexpr std::size_t kRecipeSizeBytesMax = std::size_t{1} << 20;

// `overrides`: "training.epochs=3", one key each, as TOML values or bare words; applied before checking.
// kCorrupt for what is no TOML, kInvalidArgument for unknown keys and impossible values.
Result<Recipe> read_recipe(const std::filesystem::path& file, const std::vector<std::string>& overrides);
// The same of text that was read from `file`.
Result<Recipe> parse_recipe(std::string_view text, const std::filesystem::path& file,
                            const std::vector<std::string>& overrides);

}  // namespace asterism
