#include "train/teacher_vectors.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <string_view>

#include "asterism/encoder.hpp"
#include "base/json.hpp"
#include "base/sha256.hpp"
#include "base/system_error.hpp"
#include "train/picture_augment.hpp"
#include "train/seeded_random.hpp"
#include "weights/npy.hpp"

namespace asterism {
namespace {

constexpr std::int64_t kWindowPictureCount = 64;
constexpr std::size_t kBmpHeaderSizeBytes = 54;

void put(std::string& out, std::uint64_t value, int size_bytes) {
  for (int i = 0; i < size_bytes; ++i) {
    out.push_back(static_cast<char>((value >> (8 * i)) & 0xFF));
  }
}

// A Windows bitmap of 24 bits a pixel, rows from below: nothing is lost on the way to the teacher.
std::string bmp_of(const Image& image) {
  const auto row_size = static_cast<std::size_t>((image.width * 3 + 3) / 4 * 4);
  const std::size_t pixels_size = row_size * static_cast<std::size_t>(image.height);
  std::string out = "BM";
  out.reserve(kBmpHeaderSizeBytes + pixels_size);
  put(out, kBmpHeaderSizeBytes + pixels_size, 4);
  put(out, 0, 4);
  put(out, kBmpHeaderSizeBytes, 4);
  put(out, 40, 4);  // of the BITMAPINFOHEADER
  put(out, static_cast<std::uint64_t>(image.width), 4);
  put(out, static_cast<std::uint64_t>(image.height), 4);
  put(out, 1, 2);   // planes
  put(out, 24, 2);  // bits a pixel
  put(out, 0, 4);   // not compressed
  put(out, pixels_size, 4);
  put(out, 0, 8);  // resolution
  put(out, 0, 8);  // colours of a palette
  for (std::int64_t y = image.height - 1; y >= 0; --y) {
    const std::uint8_t* const row = image.pixels.data() + y * image.width * 3;
    for (std::int64_t x = 0; x < image.width; ++x) {
      for (const int channel : {2, 1, 0}) {
        out.push_back(static_cast<char>(row[x * 3 + channel]));
      }
    }
    out.append(row_size - static_cast<std::size_t>(image.width) * 3, '\0');
  }
  return out;
}

// What the vectors depend on: another folder for another teacher, other pictures or other views.
std::string folder_name(const PictureStore& store, const std::vector<std::int64_t>& rows,
                        const TeacherVectors::Request& request, const EncoderInfo& info) {
  Sha256 digest;
  const auto add = [&digest](const std::string& text) { digest.update(std::as_bytes(std::span(text))); };
  const AugmentationRecipe& geometry = request.views.geometry;
  add(fmt::format("{}|{}|{}|{}|{}|{}|{}|{}|", request.teacher, info.architecture, info.dim, request.views.view_count,
                  request.views.seed, geometry.crop_area_min, geometry.crop_aspect_max, geometry.flip));
  for (const std::int64_t row : rows) {
    const PictureRow& of_row = store.index().rows[static_cast<std::size_t>(row)];
    // The views of a row are drawn by its number, so that counts, too.
    add(fmt::format("{}|{}", row, of_row.name));
    if (of_row.sheet < 0) {
      std::error_code ignored;
      const auto changed = std::filesystem::last_write_time(of_row.name, ignored).time_since_epoch().count();
      add(fmt::format("|{}|{}", std::filesystem::file_size(of_row.name, ignored), changed));
    }
    add("\n");
  }
  return fmt::format("teacher-{}", digest.hex().substr(0, 16));
}

// Views are counted through rows x views.
class TeacherRun {
 public:
  TeacherRun(const Encoder& encoder, const PictureStore& store, const std::vector<std::int64_t>& rows,
             const TeacherViewOptions& views)
      : encoder_(encoder), store_(store), rows_(rows), views_(views) {}

  Result<std::vector<float>> window(std::int64_t begin, std::int64_t end) const {
    std::vector<std::string> files;
    for (std::int64_t i = begin; i < end; ++i) {
      const std::int64_t row = rows_[static_cast<std::size_t>(i / views_.view_count)];
      const auto image = store_.read(row);
      // A row that can not be read is an empty file: the encoder gives it NaN, as it does in `asterism embed`.
      auto view = image ? teacher_view(**image, row, i % views_.view_count, views_) : std::unexpected(image.error());
      files.push_back(view ? bmp_of(*view) : std::string());
    }
    const std::vector<std::string_view> borrowed(files.begin(), files.end());
    auto vectors = encoder_.encode_images(borrowed);
    if (!vectors) {
      return std::unexpected(vectors.error());
    }
    return std::move(vectors->values);
  }

 private:
  const Encoder& encoder_;
  const PictureStore& store_;
  const std::vector<std::int64_t>& rows_;
  const TeacherViewOptions& views_;
};

// Vectors of views [begin, end), in a file of their own.
Result<void> write_part(const TeacherRun& run, std::int64_t dim, std::int64_t begin, std::int64_t end,
                        const std::filesystem::path& path, const std::function<Result<void>(std::int64_t)>& look) {
  auto writer = NpyRowsWriter::create(path, {dim});
  if (!writer) {
    return std::unexpected(writer.error());
  }
  for (std::int64_t at = begin; at < end; at += kWindowPictureCount) {
    if (auto ok = look(at); !ok) {
      return ok;
    }
    const auto values = run.window(at, std::min(end, at + kWindowPictureCount));
    if (!values) {
      return std::unexpected(values.error());
    }
    if (auto ok = writer->append(*values); !ok) {
      return ok;
    }
  }
  return writer->commit();
}

Result<Tensor> read_part(const std::filesystem::path& path, const Shape& expected) {
  auto values = read_npy(path);
  if (values && (values->shape() != expected || values->dtype() != DType::kF32)) {
    return fail(ErrorCode::kMismatch,
                fmt::format("{}: expected {}, found {}", path.string(), shape_to_string(expected),
                            shape_to_string(values->shape())),
                "remove the file");
  }
  return values;
}

}  // namespace

Result<Image> teacher_view(const Image& image, std::int64_t row, std::int64_t view, const TeacherViewOptions& options) {
  if (view == 0) {
    return image;
  }
  SeededRandom random({options.seed, static_cast<std::uint64_t>(row), static_cast<std::uint64_t>(view),
                       static_cast<std::uint64_t>(RandomPurpose::kView)});
  return crop_and_flip(image, options.geometry, random);
}

Result<TeacherVectors> TeacherVectors::make(const PictureStore& store, const std::vector<std::int64_t>& rows,
                                            const Request& request, const TaskWatch& watch) {
  const auto encoder = Encoder::load(request.teacher, {.thread_count = request.thread_count});
  if (!encoder) {
    return std::unexpected(encoder.error());
  }
  const EncoderInfo& info = encoder->info();
  if (!info.takes_images) {
    return fail(
        ErrorCode::kInvalidArgument,
        fmt::format("objective.teacher: expected a model of pictures, found '{}', which takes texts", request.teacher),
        "run `asterism models list`");
  }
  const std::filesystem::path folder = request.folder / folder_name(store, rows, request, info);
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  if (error) {
    return system_failure(fmt::format("{}: cannot make the folder", folder.string()), error);
  }
  TeacherVectors out;
  out.views_ = request.views;
  out.dim_ = static_cast<std::int64_t>(info.dim);
  const TeacherRun run(*encoder, store, rows, request.views);
  const std::int64_t count = static_cast<std::int64_t>(rows.size()) * request.views.view_count;
  const auto look = [&](std::int64_t at) -> Result<void> {
    if (watch.cancel != nullptr && watch.cancel->requested()) {
      return fail(ErrorCode::kCancelled, "stopped while the teacher looked at the pictures");
    }
    if (watch.on_progress) {
      watch.on_progress("teacher vectors", static_cast<double>(at) / static_cast<double>(count));
    }
    return {};
  };
  for (std::int64_t begin = 0; begin < count; begin += kTeacherPartViewCount) {
    const std::int64_t end = std::min(count, begin + kTeacherPartViewCount);
    const std::filesystem::path path = folder / fmt::format("{:06}.npy", begin / kTeacherPartViewCount);
    if (!std::filesystem::exists(path, error)) {
      if (auto ok = write_part(run, out.dim_, begin, end, path, look); !ok) {
        return std::unexpected(ok.error());
      }
    }
    auto part = read_part(path, {end - begin, out.dim_});
    if (!part) {
      return std::unexpected(part.error());
    }
    out.parts_.push_back(*std::move(part));
  }
  out.places_.assign(store.index().rows.size(), -1);
  for (std::size_t i = 0; i < rows.size(); ++i) {
    out.places_[static_cast<std::size_t>(rows[i])] = static_cast<std::int64_t>(i);
  }
  return out;
}

std::span<const float> TeacherVectors::vector(std::int64_t row, std::int64_t view) const {
  const std::int64_t place = places_[static_cast<std::size_t>(row)] * views_.view_count + view;
  const Tensor& part = parts_[static_cast<std::size_t>(place / kTeacherPartViewCount)];
  const std::int64_t begin = place % kTeacherPartViewCount * dim_;
  return part.as<float>().subspan(static_cast<std::size_t>(begin), static_cast<std::size_t>(dim_));
}

}  // namespace asterism
