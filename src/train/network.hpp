// From a recipe to what is learnt: graphs, fresh or given parameters, losses, and what the batches must hold.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "asterism/error.hpp"
#include "encoder/table_columns.hpp"
#include "graph/learner.hpp"
#include "models/image_family.hpp"
#include "models/vector_projection.hpp"
#include "train/recipe.hpp"

namespace asterism {

// Names of feeds that batches of pictures may hold, beside kImageInput ("input") and kIdsKeepInput ("ids_keep").
inline constexpr std::string_view kLabelsFeed = "labels";             // i32 [rows]
inline constexpr std::string_view kOtherLabelsFeed = "other_labels";  // i32 [rows]
inline constexpr std::string_view kShareFeed = "share";               // f32 [rows]
inline constexpr std::string_view kTargetFeed = "target";             // f32 [rows, c, h, w]: the picture, unspoilt
inline constexpr std::string_view kNoiseFeed = "noise";               // f32 [rows, dim], N(0, 1)
inline constexpr std::string_view kIdsRestoreFeed = "ids_restore";    // i32 [rows, patches]
inline constexpr std::string_view kMaskFeed = "mask";                 // f32 [rows, patches]; 1 = hidden
inline constexpr std::string_view kMaskIdsFeed = "mask_ids";          // i32 [rows, patches]
inline constexpr std::string_view kPatchesFeed = "patches";           // f32 [rows, patches, patch values]
inline constexpr std::string_view kTargetWeightsFeed = "target_weights";
inline constexpr std::string_view kTeacherVectorsFeed = "teacher_vectors";  // f32 [rows, dim]

enum class InputNoise : std::uint8_t { kNone, kGaussian, kMasking };
enum class PatchMasking : std::uint8_t { kRandom, kBlocks };

// What a batch of pictures must hold to train the network. Feeds not asked for here are left out.
struct PictureFeedPlan {
  std::int64_t channel_count = 3;
  std::int64_t height = 0;
  std::int64_t width = 0;
  std::vector<double> mean;
  std::vector<double> std;
  // 2: rows i and n + i of the feeds are two views of one picture. Labels are repeated with them.
  std::int64_t view_count = 1;
  bool labels = false;
  double mixup_alpha = 0.0;  // > 0: other_labels and share, too
  // Rows are drawn so that each batch has this many pictures of each label that is in it; 0 = drawn freely.
  std::int64_t rows_per_label = 0;
  // "target": the picture scaled to [0, 1], augmented but without noise.
  bool target = false;
  InputNoise input_noise = InputNoise::kNone;
  double input_noise_level = 0.0;  // standard deviation in units of [0, 1], or share of pixels set to 0
  std::int64_t noise_dim = 0;      // > 0: "noise"
  // > 0: a grid of height / patch_size x width / patch_size patches, numbered row by row, of which hidden_count are
  // hidden. "ids_keep" [rows, n - hidden] are the others in random order; "ids_restore" [rows, n] holds for each patch
  // its place in ids_keep, or n - hidden where it is hidden; "mask" is 1 there; "mask_ids" holds the patch itself, or n
  // where hidden.
  std::int64_t patch_size = 0;
  std::int64_t hidden_count = 0;
  PatchMasking masking = PatchMasking::kRandom;
  bool patches = false;  // "patches": pixels of each patch as [patch_size, patch_size, channels]
  bool normalize_patches =
      false;  // each patch to mean 0 and variance 1 (unbiased, + 1e-6 under the root): He et al. 2022
  bool teacher_vectors = false;
};

// How a picture of RUN/ can be looked at: values of the evaluation graph or of the trained one.
struct PictureOutputs {
  std::string reconstruction;  // of the trained graph, f32 [rows, c, h, w] in [0, 1]; empty = none
  std::string patches;         // of the trained graph, f32 [rows, n, patch values]; empty = none
};

// What a batch of table rows must hold beside the columns: "target" and "target_weights" f32 [rows, numeric_size] (a
// missing number weighs nothing) and "target.N" i32 [rows], the value of categorical column N.
struct TableFeedPlan {
  double swap_share = 0.0;  // cells of the input that are those of another row
};
std::string category_target_feed(std::size_t column);

struct TrainingNetwork {
  LearnerSpec learner;    // graphs, parameters, rules and losses are set; optimizer, device, ... are not
  PictureFeedPlan feeds;  // of recipes that learn from pictures
  PictureOutputs pictures;
  TableFeedPlan table;     // of recipes that learn from tables
  std::string classifier;  // value of the evaluation graph, logits [rows, classes]; empty = none
  std::string embedding;   // value of the evaluation graph that is evaluated, [rows, dim]
  std::int64_t dim = 0;
  std::int64_t parameter_count = 0;  // of the encoder alone
};

// What the network needs to know of the data.
struct DataSummary {
  std::vector<std::string> class_names;
  std::vector<std::int64_t> class_counts;  // of the training split
  std::int64_t teacher_dim = 0;
};

// kInvalidArgument for a setting that does not fit, kUnsupported for an architecture that the kind cannot train.
Result<TrainingNetwork> build_picture_network(const Recipe& recipe, const DataSummary& data);

// The same for rows of tables with these columns.
Result<TrainingNetwork> build_table_network(const Recipe& recipe, const TableColumns& columns);
Result<void> write_table_model(const Recipe& recipe, const TableColumns& columns, const ParameterMap& parameters,
                               const std::optional<VectorProjection>& projection, const std::filesystem::path& folder);

// Writes an ordinary model folder of the encoder with these parameters: config.json, model.safetensors and what
// preprocesses, in the dialect of its library, and the projection of its vector. Reads it again and compares, so that
// what is on disk is what was learnt.
Result<void> write_picture_model(const Recipe& recipe, const DataSummary& data, const ParameterMap& parameters,
                                 const std::optional<VectorProjection>& projection,
                                 const std::filesystem::path& folder);

}  // namespace asterism
