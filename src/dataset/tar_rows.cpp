#include "dataset/tar_rows.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <limits>
#include <optional>
#include <string_view>
#include <utility>

#include "dataset/file_source.hpp"
#include "dataset/gzip_source.hpp"
#include "dataset/image_names.hpp"
#include "dataset/tar_archive.hpp"

namespace asterism {
namespace {

// The place behind the failed row of a damaged archive: there is nothing to go on from.
constexpr std::uint64_t kBehindDamage = std::numeric_limits<std::uint64_t>::max();

std::string sample_key(std::string_view name) {
  const std::size_t slash = name.rfind('/');
  const std::size_t begin = slash == std::string_view::npos ? 0 : slash + 1;
  return std::string(name.substr(0, std::min(name.find('.', begin), name.size())));
}

class TarRows final : public RecordReader {
 public:
  TarRows(std::unique_ptr<ByteSource> bytes, std::string source, std::uint64_t size_bytes, TarRowsOptions options)
      : archive_(BufferedInput(std::move(bytes)), source, size_bytes),
        source_(std::move(source)),
        size_bytes_(size_bytes),
        options_(std::move(options)) {}

  Result<bool> next(Row& row) override {
    while (!ended_) {
      auto member = archive_.next();
      if (!member) {
        return give_up(row, std::move(member.error()));
      }
      if (!*member) {
        break;
      }
      if ((*member)->kind == TarMemberKind::kOther) {
        continue;
      }
      if (!has_image_extension((*member)->name)) {
        ++ignored_file_count_;
        continue;
      }
      ++count_;
      return read_row(**member, row);
    }
    ended_ = true;
    return false;
  }

  RecordPlace place() const noexcept override {
    return {.byte_offset = damaged_ ? kBehindDamage : archive_.next_offset(), .line = count_ + 1};
  }

  Result<bool> seek(const RecordPlace& place) override {
    damaged_ = ended_ = place.byte_offset == kBehindDamage;
    count_ = place.line - 1;
    if (ended_) {
      return true;
    }
    if (auto moved = archive_.seek(place.byte_offset); !moved) {
      return std::unexpected(moved.error());
    }
    return true;
  }

  double done() const noexcept override {
    if (ended_) {
      return 1.0;
    }
    return size_bytes_ == 0 ? 0.0 : static_cast<double>(archive_.next_offset()) / static_cast<double>(size_bytes_);
  }
  std::uint64_t ignored_file_count() const noexcept override { return ignored_file_count_; }

 private:
  Result<bool> read_row(const TarMember& member, Row& row) {
    row = Row{.source = fmt::format("{}:{}", source_, member.name),
              .id = sample_key(member.name),
              .payload = {.kind = PayloadKind::kImage}};
    if (auto refused = refusal(member, row.source)) {
      // Its data, too, have to be there.
      if (auto passed = archive_.pass(); !passed) {
        return give_up(row, std::move(passed.error()));
      }
      row.error = std::move(refused);
      return true;
    }
    auto bytes = archive_.read();
    if (!bytes) {
      return give_up(row, std::move(bytes.error()));
    }
    row.payload.bytes = std::move(*bytes);
    return true;
  }

  std::optional<Error> refusal(const TarMember& member, const std::string& source) const {
    if (member.kind == TarMemberKind::kSparseFile) {
      return Error{ErrorCode::kUnsupported, fmt::format("{}: expected a plain file, found a sparse one", source),
                   "make the archive without --sparse"};
    }
    if (member.size_bytes > options_.row_size_bytes_max) {
      return Error{ErrorCode::kLimitExceeded,
                   fmt::format("{}: expected at most {} bytes, found {}", source, options_.row_size_bytes_max,
                               member.size_bytes),
                   {}};
    }
    return std::nullopt;
  }

  // Nothing behind the damage can be found: one failed row says so.
  Result<bool> give_up(Row& row, Error error) {
    if (error.code == ErrorCode::kCancelled) {
      return std::unexpected(std::move(error));
    }
    damaged_ = ended_ = true;
    row = Row{.source = source_, .payload = {.kind = PayloadKind::kImage}, .error = std::move(error)};
    return true;
  }

  TarArchive archive_;
  std::string source_;
  std::uint64_t size_bytes_;
  TarRowsOptions options_;
  std::uint64_t count_ = 0;
  std::uint64_t ignored_file_count_ = 0;
  bool ended_ = false;
  bool damaged_ = false;  // and therefore ended, though not at its end
};

// The first bytes of `source`, from which it then begins again.
class PeekedSource final : public ByteSource {
 public:
  PeekedSource(std::unique_ptr<ByteSource> source, std::string first_bytes)
      : source_(std::move(source)), first_bytes_(std::move(first_bytes)) {}
  Result<std::size_t> read(std::span<char> out) override {
    if (taken_ == first_bytes_.size()) {
      return source_->read(out);
    }
    const std::size_t n = std::min(out.size(), first_bytes_.size() - taken_);
    std::copy_n(first_bytes_.data() + taken_, n, out.data());
    taken_ += n;
    return n;
  }
  Result<void> seek(std::uint64_t offset) override {
    taken_ = first_bytes_.size();
    return source_->seek(offset);
  }

 private:
  std::unique_ptr<ByteSource> source_;
  std::string first_bytes_;
  std::size_t taken_ = 0;
};

}  // namespace

Result<std::unique_ptr<RecordReader>> open_tar_rows(const InputInfo& input, TarRowsOptions options) {
  auto bytes = open_byte_source(input, options.interrupted);
  if (!bytes) {
    return std::unexpected(bytes.error());
  }
  std::array<char, 6> first{};
  std::size_t size = 0;
  while (size < first.size()) {
    auto n = (*bytes)->read(std::span(first).subspan(size));
    if (!n) {
      return std::unexpected(n.error());
    }
    if (*n == 0) {
      break;
    }
    size += *n;
  }
  const std::string_view head(first.data(), size);
  const Packing packing = packing_of(head);
  std::unique_ptr<ByteSource> whole = std::make_unique<PeekedSource>(std::move(*bytes), std::string(head));
  if (packing == Packing::kNone) {
    return make_tar_rows(std::move(whole), input.path, input.size_bytes, std::move(options));
  }
  if (packing == Packing::kGzip) {
    return make_tar_rows(make_gzip_source(std::move(whole), input.path), input.path, 0, std::move(options));
  }
  const std::string_view name = packing_name(packing);
  return fail(ErrorCode::kUnsupported,
              fmt::format("{}: expected a tar archive, plain or gzip, found {} data", input.path, name),
              fmt::format("unpack it: {} -d FILE", name));
}

std::unique_ptr<RecordReader> make_tar_rows(std::unique_ptr<ByteSource> bytes, std::string source,
                                            std::uint64_t size_bytes, TarRowsOptions options) {
  return std::make_unique<TarRows>(std::move(bytes), std::move(source), size_bytes, std::move(options));
}

}  // namespace asterism
