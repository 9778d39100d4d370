// Texts, images and rows of tables to vectors: the library's main class.
//
//   auto encoder = asterism::Encoder::load("all-MiniLM-L6-v2");
//   auto vectors = encoder->encode(texts);        // [rows, dim], rows in input order
//   auto pictures = asterism::Encoder::load("efficientnet-lite0")->encode_images(files);
//
// Ownership: an Encoder owns its model; results own their values. Thread-safety: encode() may be called from several
// threads; calls share the encoder's threads and wait for each other where they must. Cost: load() reads and compiles
// the model once (the built-in one in milliseconds); encode() needs memory for the window it is given, not more.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "asterism/error.hpp"
#include "asterism/record.hpp"

namespace asterism {

// The ids of the models inside the library, for texts and for pictures: no file, no download.
inline constexpr std::string_view kBuiltinModel = "builtin";
inline constexpr std::string_view kBuiltinImageModel = "builtin-image";

// EncoderOptions::pooling of who wants the vectors of tokens, or of images a layer as it is.
inline constexpr std::string_view kNoPooling = "none";

constexpr bool is_builtin_model(std::string_view model) noexcept {
  return model == kBuiltinModel || model == kBuiltinImageModel;
}
// The model that is meant where rows are pictures: "builtin" is two models. Any other name stays.
constexpr std::string_view image_model(std::string_view model) noexcept {
  return model == kBuiltinModel ? kBuiltinImageModel : model;
}

// kAuto is bf16 where the processor has it natively, else f32. f32 is exact parity with the original library.
enum class Precision : std::uint8_t { kAuto, kF32, kBF16 };

struct EncoderOptions {
  Precision precision = Precision::kAuto;
  // Threads in all; 0 = as many processors as this process may use.
  std::size_t thread_count = 0;
  // End the graph at these named values (`asterism models layers MODEL`) instead of at the model's last; a row is their
  // results one after the other (EncoderInfo::outputs). Text models take one. Empty = the model's last.
  std::vector<std::string> layers = {};
  // Of texts: "cls", "max", "mean", "mean_sqrt_len", "weightedmean", "lasttoken", or several joined by '+'
  // (concatenated in that order). Of images: "avg", "max", "gem", "cls", "flatten" or "none" (a layer as it is, maps as
  // maps). "none" for texts: no vector a text, encode_each_token() only. Empty = what the model says.
  std::string pooling = {};
  // L2-normalise the result; unset = what the model says.
  std::optional<bool> normalize = {};
  // Keep the first `dim` components, before normalising (Matryoshka); 0 = all.
  std::size_t dim = 0;
  // Longest input in tokens, special tokens included; 0 = what the model says. Longer texts are truncated and reported.
  std::size_t token_count_max = 0;
  // Name of a prompt of the model ("query"), put before every text; empty = the model's default prompt, if any.
  std::string prompt_name = {};
  // A prompt given as text; wins over prompt_name.
  std::optional<std::string> prompt = {};
  // Bit-equal results whatever else is in the batch: each text runs alone. Slower.
  bool batch_invariant = false;
  // Tokens that one run of the backend takes at most (most people leave this).
  std::size_t batch_token_budget = 0;  // 0 = the encoder's default
  // Images that one run of the backend takes at most (likewise).
  std::size_t batch_image_count = 0;  // 0 = the encoder's default
  // Pixels of the model's input for images; 0 = what the model says.
  std::int64_t image_height = 0;
  std::int64_t image_width = 0;
  // How pictures become that input, where it shall not be as the model says: "nearest", "bilinear", "bicubic",
  // "lanczos"; "center" (covers the input, the rest is cropped), "squash" or "border"; mean and standard deviation of
  // each channel after scaling to [0, 1]. Empty = what the model says.
  std::string interpolation = {};
  std::string crop_mode = {};
  std::vector<float> mean = {};
  std::vector<float> std = {};
  // Takes what there is of an image file that is cut short, instead of failing its row.
  bool allow_truncated = false;
};

// What happened to one row.
struct RowReport {
  std::uint32_t token_count_given = 0;   // the text's tokens, special tokens included
  std::uint32_t token_count_used = 0;    // of those, what the model saw
  std::uint32_t unknown_word_count = 0;  // of models of word vectors: words that are not theirs and took no part
  std::uint32_t image_width = 0;         // of the image as it was given; 0 for texts
  std::uint32_t image_height = 0;
  std::optional<Error> error = {};  // this row has no vector (an image that cannot be decoded): its values are NaN
  bool truncated() const noexcept { return token_count_used < token_count_given; }
};

struct Embeddings {
  std::size_t row_count = 0;
  std::size_t dim = 0;
  std::vector<float> values;       // [row_count, dim], row by row
  std::vector<RowReport> reports;  // [row_count]

  std::span<const float> row(std::size_t i) const noexcept { return {values.data() + i * dim, dim}; }
};

// One part of a row of values: the result of one layer.
struct EmbeddingOutput {
  std::string name;
  std::vector<std::int64_t> shape = {};  // of one row: [dim], or [channels, height, width] of a feature map
  std::size_t offset = 0;                // of its first value within the row
  std::size_t size = 0;                  // the product of `shape`
  bool operator==(const EmbeddingOutput&) const = default;
};

// One module of the chain from tokens to vector, for `asterism models show`.
struct EncoderInfo {
  std::string model;   // as asked for
  std::string family;  // "bert", "distilbert", "static"
  std::string source;  // where the files came from
  std::string folder;  // where they are; empty for the built-in model
  std::size_t dim = 0;
  std::vector<EmbeddingOutput> outputs;  // parts of a row, in order; empty = one of shape [dim]
  std::size_t token_count_max = 0;
  std::string tokenizer;            // description
  std::size_t vocabulary_size = 0;  // token ids are below it
  std::string pooling;              // "mean"; empty when the chain has none (static models: "mean")
  bool takes_texts = false;
  bool takes_images = false;
  bool takes_records = false;
  RecordColumns columns;                      // of a table that the model takes
  std::array<std::int64_t, 3> image_shape{};  // channels, height, width that the model is given
  std::string preprocess;                     // from a picture to that shape, in words
  std::string preprocess_json;                // the same as one JSON object
  std::string architecture;                   // of the network for images: "efficientnet_lite0"
  std::string dialect;                        // library whose names its layers have: "timm"
  // Models of texts and images: logit of a pair = logit_scale * cosine + logit_bias. CLIP has no bias (a softmax over
  // texts), SigLIP has one (a sigmoid a pair).
  std::optional<float> logit_scale;
  std::optional<float> logit_bias;
  bool normalized = false;
  bool normalized_by_default = false;  // what the model says, whatever EncoderOptions::normalize does
  std::string precision;               // "f32", "bf16"; what will be computed
  std::vector<std::string> modules;    // "Transformer", "Pooling(mean)", "Dense(384 -> 128, tanh)", "Normalize"
  std::vector<std::pair<std::string, std::string>> prompts;  // name, text
  std::string default_prompt_name;
  bool prompt_is_pooled = true;       // else tokenize() takes no other prompt than the loaded one
  std::size_t op_count = 0;           // of the graph that runs
  std::size_t op_count_whole = 0;     // before `layer` cut it
  std::vector<std::string> warnings;  // "bf16 asked for, but this processor has none natively: ..."
};

// Preprocessed images, borrowed: what EncoderInfo::image_shape says, one after the other.
struct PixelsView {
  std::span<const float> values;  // [row_count, channels, height, width]
  std::size_t row_count = 0;
};

// The vectors of the tokens of several texts, one after the other.
struct TokenEmbeddings {
  std::size_t dim = 0;
  std::vector<std::size_t> token_counts;  // [texts]
  std::vector<float> values;              // [sum of token_counts, dim]
};

// How texts become tokens for one call; unset = what the encoder was loaded with.
struct TokenizeOptions {
  std::optional<std::string> prompt_name = {};  // kNotFound unless the model has it
  std::optional<std::string> prompt = {};       // wins over prompt_name
  bool truncate_left = false;                   // over-long texts lose their beginning instead of their end
};

// What the model is given of one text.
struct TokenizedText {
  std::vector<std::uint32_t> ids;       // truncated, special tokens included
  std::uint32_t token_count_given = 0;  // before truncation, special tokens included
};

// One token and where it stands in its text.
struct TokenPiece {
  std::uint32_t id = 0;
  std::string text;         // as the vocabulary spells it
  bool special = false;     // added around the text, or a special token that the text spells out
  bool added = false;       // not of the text: begin and end are 0
  std::uint32_t begin = 0;  // bytes of the text, [begin, end)
  std::uint32_t end = 0;
};

class WordTable;

class Encoder {
 public:
  // `model`: "builtin", a catalogue id, `org/name[@revision]` on the hub, a folder, or a file that is a model.
  static Result<Encoder> load(std::string_view model, const EncoderOptions& options = {});

  Encoder(Encoder&&) noexcept;
  Encoder& operator=(Encoder&&) noexcept;
  ~Encoder();

  // Files of pictures as they are on disk (JPEG, PNG, WebP, GIF, TIFF, BMP). One that cannot be decoded fails alone:
  // its RowReport::error says why, and its values are NaN. Decoding runs on the encoder's threads, beside the model.
  Result<Embeddings> encode_images(std::span<const std::string_view> files) const;
  // Pixels that were preprocessed already.
  Result<Embeddings> encode_pixels(const PixelsView& pixels) const;

  // Rows of a table. One whose cells do not fit (a number that is none) fails alone, as with images.
  Result<Embeddings> encode_records(std::span<const Record> records) const;

  // Never fails for what a text contains: empty text, control characters and invalid UTF-8 all have an embedding.
  Result<Embeddings> encode(std::span<const std::string_view> texts) const;
  Result<Embeddings> encode(std::span<const std::string> texts) const;

  // encode() in two steps: what tokenize() gives, encode_tokens() turns into the vectors of encode(). For models of
  // texts (else kUnsupported). On the calling thread; any number of threads at once. A model whose pooling leaves the
  // prompt out refuses another prompt than the one it was loaded with (kUnsupported).
  Result<std::vector<TokenizedText>> tokenize(std::span<const std::string_view> texts,
                                              const TokenizeOptions& options = {}) const;
  // One row for each list, run as it is: nothing is added, nothing truncated. kInvalidArgument for an id outside the
  // vocabulary, or for more tokens than the model has positions.
  Result<Embeddings> encode_tokens(std::span<const std::vector<std::uint32_t>> texts) const;
  // What the model makes of every token, before pooling and what comes after it. Of encoders loaded with pooling
  // "none"; ids as for encode_tokens().
  Result<TokenEmbeddings> encode_each_token(std::span<const std::vector<std::uint32_t>> texts) const;
  // The text that ids stand for, as the tokenizer's kind writes it; kInvalidArgument for an id outside the vocabulary.
  Result<std::string> decode(std::span<const std::uint32_t> ids, bool skip_special_tokens) const;
  // All tokens of a text alone: no prompt, nothing truncated.
  Result<std::vector<TokenPiece>> token_pieces(std::string_view text, bool add_special_tokens) const;

  // The vocabulary of a model of word vectors (asterism/word_table.hpp), borrowed; null for every other model.
  const WordTable* words() const noexcept;

  std::size_t dim() const noexcept;
  const EncoderInfo& info() const noexcept;

  class Impl;

 private:
  explicit Encoder(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace asterism
