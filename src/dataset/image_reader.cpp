#include "dataset/image_reader.hpp"

#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <utility>

#include "dataset/file_source.hpp"
#include "dataset/folder_files.hpp"
#include "dataset/gzip_source.hpp"
#include "dataset/image_names.hpp"
#include "dataset/inputs_reader.hpp"
#include "dataset/listed_files.hpp"
#include "dataset/path_pattern.hpp"
#include "dataset/record_reader.hpp"
#include "dataset/tar_rows.hpp"
#include "dataset/tensor_rows.hpp"

namespace asterism {
namespace {

enum class ImageInputKind : std::uint8_t { kFile, kFolder, kPattern, kTar, kTable, kList };

struct ImageInput {
  InputInfo info;
  ImageInputKind kind = ImageInputKind::kFile;
};

bool is_table(const std::string& path, TextFormat format) {
  return format != TextFormat::kAuto ? true : text_format_of(path, format) != TextFormat::kLines;
}

bool exists(const std::string& path) {
  struct stat status {};
  return ::stat(path.c_str(), &status) == 0;
}

// The archives that a pattern matches, which are inputs of their own.
Result<std::vector<std::string>> matching_paths(const std::string& text) {
  const PathPattern pattern(text);
  auto files = make_folder_files({.root = pattern.root(), .pattern = pattern, .any_extension = true});
  std::vector<std::string> paths;
  for (FileEntry entry;;) {
    auto found = files->next(entry);
    if (!found) {
      return std::unexpected(found.error());
    }
    if (!*found) {
      break;
    }
    if (entry.error) {
      return std::unexpected(*entry.error);
    }
    paths.push_back(entry.path);
  }
  if (paths.empty()) {
    return fail(ErrorCode::kNotFound, fmt::format("{}: no file matches", text), "check the pattern");
  }
  return paths;
}

// Marks in a folder are checked file by file, so its own time of change says nothing.
InputInfo lasting(const std::string& path) {
  return {.path = path, .seekable = true, .size_bytes = 0, .mtime_ns = 0, .indirect = true};
}

// As inspect_input(), but a file that may not be read is no reason to refuse the others.
Result<InputInfo> inspect_image(const std::string& path) {
  auto info = inspect_input(path);
  if (!info && info.error().code == ErrorCode::kIo && exists(path)) {
    return lasting(path);
  }
  return info;
}

Result<ImageInput> classify(const std::string& path, TextFormat format) {
  std::error_code error;
  if (path != "-" && std::filesystem::is_directory(path, error)) {
    return ImageInput{lasting(path), ImageInputKind::kFolder};
  }
  if (is_path_pattern(path) && !exists(path)) {
    const std::string root = PathPattern(path).root();
    if (!root.empty() && !std::filesystem::is_directory(root, error)) {
      return fail(ErrorCode::kNotFound, fmt::format("{}: expected the folder {}, found none", path, root),
                  "check the pattern");
    }
    return ImageInput{lasting(path), ImageInputKind::kPattern};
  }
  auto info = inspect_image(path);
  if (!info) {
    return std::unexpected(info.error());
  }
  if (has_tar_extension(path)) {
    return ImageInput{std::move(*info), ImageInputKind::kTar};
  }
  const bool table = path == "-" ? format != TextFormat::kAuto : is_table(path, format);
  info->indirect = table;
  return ImageInput{std::move(*info), table ? ImageInputKind::kTable : ImageInputKind::kFile};
}

// Refused at once rather than shard by shard.
Result<void> check_tar_name(const std::string& path) {
  std::string name = path;
  std::ranges::transform(name, name.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  for (const auto& [ends, program] :
       {std::pair{std::pair{".tar.zst", ".tzst"}, "zstd"}, std::pair{std::pair{".tar.bz2", ".tbz2"}, "bzip2"},
        std::pair{std::pair{".tar.xz", ".txz"}, "xz"}}) {
    if (name.ends_with(ends.first) || name.ends_with(ends.second)) {
      return fail(ErrorCode::kUnsupported,
                  fmt::format("{}: expected a .tar, .tar.gz or .tgz archive, found one packed with {}", path, program),
                  fmt::format("unpack it first: {} -d FILE", program));
    }
  }
  return {};
}

class ImageInputs {
 public:
  ImageInputs(ImageReaderOptions options, std::vector<ImageInput> inputs)
      : options_(std::move(options)), inputs_(std::move(inputs)) {}

  Result<std::unique_ptr<RecordReader>> open(std::size_t index) const {
    const ImageInput& input = inputs_[index];
    const std::string& path = input.info.path;
    switch (input.kind) {
      case ImageInputKind::kFolder:
        return rows_of(make_folder_files({.root = path, .pattern = {}}));
      case ImageInputKind::kPattern: {
        PathPattern pattern(path);
        const bool any_extension = pattern.names_extension();
        return rows_of(
            make_folder_files({.root = pattern.root(), .pattern = std::move(pattern), .any_extension = any_extension}));
      }
      case ImageInputKind::kTar:
        return open_tar_rows(input.info,
                             {.row_size_bytes_max = kImageRowSizeBytesMax, .interrupted = options_.interrupted});
      case ImageInputKind::kTable:
      case ImageInputKind::kList:
        return open_listed(input);
      case ImageInputKind::kFile:
        break;
    }
    return rows_of(make_single_file(path));
  }

  const std::vector<ImageInput>& inputs() const noexcept { return inputs_; }

 private:
  std::unique_ptr<RecordReader> rows_of(std::unique_ptr<FileSource> files) const {
    return make_file_rows(std::move(files), {.interrupted = options_.interrupted});
  }

  Result<std::unique_ptr<RecordReader>> open_listed(const ImageInput& input) const {
    const std::string& path = input.info.path;
    auto bytes = open_byte_source(input.info, options_.interrupted);
    if (!bytes) {
      return std::unexpected(bytes.error());
    }
    const bool is_list = input.kind == ImageInputKind::kList;
    RecordOptions record{.source = path == "-" ? "stdin" : path,
                         .column = options_.column.empty() ? std::string(kPathColumn) : options_.column,
                         .id_column = options_.id_column,
                         .metadata = options_.metadata};
    if (is_list) {
      record.row_size_bytes_max = kListedPathSizeBytesMax;
    }
    const std::string source = record.source;
    auto records = make_record_reader(is_list ? TextFormat::kLines : text_format_of(path, options_.format),
                                      std::move(*bytes), std::move(record));
    if (!records) {
      return std::unexpected(records.error());
    }
    // A table lies with the files it describes; a list is what another program wrote for this working directory.
    const std::string folder = is_list || path == "-" ? "" : std::filesystem::path(path).parent_path().string();
    return rows_of(make_listed_files(
        std::move(*records),
        {.source = source, .folder = folder, .size_bytes = static_cast<double>(input.info.size_bytes)}));
  }

  ImageReaderOptions options_;
  std::vector<ImageInput> inputs_;
};

Result<void> check_given(const ImageReaderOptions& options) {
  if (options.inputs.empty() == options.list.empty()) {
    return fail(ErrorCode::kInvalidArgument,
                options.inputs.empty() ? "input: expected at least one file or folder, or a list (--list), found none"
                                       : "input: expected inputs or a list (--list), found both",
                options.inputs.empty() ? "" : "write the inputs into the list");
  }
  if (std::ranges::count(options.inputs, "-") > 1) {
    return fail(ErrorCode::kInvalidArgument, "input: expected '-' (stdin) once, found it twice or more");
  }
  return {};
}

Result<std::vector<ImageInput>> classify_all(const ImageReaderOptions& options) {
  std::vector<ImageInput> inputs;
  if (!options.list.empty()) {
    auto info = inspect_input(options.list);
    if (!info) {
      return std::unexpected(info.error());
    }
    info->indirect = true;
    inputs.push_back({std::move(*info), ImageInputKind::kList});
    return inputs;
  }
  for (const std::string& path : options.inputs) {
    std::vector<std::string> paths{path};
    if (is_path_pattern(path) && has_tar_extension(path) && !exists(path)) {
      auto matching = matching_paths(path);
      if (!matching) {
        return std::unexpected(matching.error());
      }
      paths = std::move(*matching);
    }
    for (const std::string& one : paths) {
      auto input = classify(one, options.format);
      if (!input) {
        return std::unexpected(input.error());
      }
      if (input->kind == ImageInputKind::kTar) {
        if (auto checked = check_tar_name(one); !checked) {
          return std::unexpected(checked.error());
        }
      }
      inputs.push_back(std::move(*input));
    }
  }
  return inputs;
}

}  // namespace

Result<std::unique_ptr<RowReader>> open_image_reader(ImageReaderOptions options) {
  if (auto given = check_given(options); !given) {
    return std::unexpected(given.error());
  }
  auto inputs = classify_all(options);
  if (!inputs) {
    return std::unexpected(inputs.error());
  }
  InputsReaderOptions reader{.kind = PayloadKind::kImage, .open_failure_is_row = true};
  for (const ImageInput& input : *inputs) {
    reader.inputs.push_back(input.info);
    reader.weights.push_back(1.0);
  }
  const auto opener = std::make_shared<const ImageInputs>(std::move(options), std::move(*inputs));
  // A table without the column, or a list of other bytes, is seen before anything is computed.
  for (std::size_t i = 0; i < opener->inputs().size(); ++i) {
    const ImageInput& input = opener->inputs()[i];
    const bool is_text = input.kind == ImageInputKind::kTable || input.kind == ImageInputKind::kList;
    if (is_text && input.info.seekable) {
      if (auto opened = opener->open(i); !opened) {
        return std::unexpected(opened.error());
      }
    }
  }
  reader.open = [opener](std::size_t index) { return opener->open(index); };
  return make_inputs_reader(std::move(reader));
}

Result<std::unique_ptr<RowReader>> open_tensor_reader(ImageReaderOptions options) {
  if (options.inputs.empty() || !options.list.empty()) {
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("input: expected .npy or .safetensors files of preprocessed images, found {}",
                            options.list.empty() ? "none" : "a list"));
  }
  InputsReaderOptions reader{.kind = PayloadKind::kTensor};
  for (const std::string& path : options.inputs) {
    if (path == "-") {
      return fail(ErrorCode::kInvalidArgument, "input: expected files of preprocessed images, found stdin");
    }
    auto info = inspect_input(path);
    if (!info) {
      return std::unexpected(info.error());
    }
    if (auto opened = open_tensor_rows(path, options.column); !opened) {
      return std::unexpected(opened.error());
    }
    reader.inputs.push_back(std::move(*info));
    reader.weights.push_back(1.0);
  }
  reader.open = [inputs = options.inputs, column = options.column](std::size_t index) {
    return open_tensor_rows(inputs[index], column);
  };
  return make_inputs_reader(std::move(reader));
}

}  // namespace asterism
