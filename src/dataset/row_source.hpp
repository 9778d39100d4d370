// Where the rows of a job come from, whatever they are: the one way to all readers.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "asterism/error.hpp"
#include "dataset/row_reader.hpp"
#include "dataset/text_reader.hpp"

namespace asterism {

enum class InputKind : std::uint8_t { kAuto, kText, kImage, kTensor, kRecord };

struct RowSourceOptions {
  std::vector<std::string> inputs = {};    // see text_reader.hpp and image_reader.hpp
  std::string list = {};                   // of image files, instead of inputs
  InputKind kind = InputKind::kAuto;       // by the inputs
  TextFormat format = TextFormat::kAuto;   // of texts, and of tables of image files
  std::string column = {};                 // empty = "text", for tables of image files "path"
  std::string id_column = {};              // empty = "id" where there is one
  RecordColumns columns = {};              // of kRecord: what the model takes
  MetadataColumns metadata = {};           // of tables: what rows keep beside text or path, and id
  std::function<bool()> interrupted = {};  // asked while waiting or walking; true ends the stream with kCancelled
};

// "text", "image", "tensor", "record".
std::string_view payload_kind_name(PayloadKind kind) noexcept;

// kAuto is images for image and tar files, folders, patterns and a list; else texts. kInvalidArgument for inputs of
// both kinds, and for arrays, which need to be called preprocessed.
Result<PayloadKind> resolve_input_kind(const RowSourceOptions& options);

// Opens lazily; what is wrong with the inputs as such is an error here, before the first row.
Result<std::unique_ptr<RowReader>> open_row_source(RowSourceOptions options);

}  // namespace asterism
