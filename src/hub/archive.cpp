#include "hub/archive.hpp"

#include <fmt/format.h>
#include <zip.h>

#include <memory>
#include <vector>

#include "base/file.hpp"
#include "base/sha256.hpp"
#include "hub/model_id.hpp"

namespace asterism {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kBufferSizeBytes = std::size_t{256} << 10U;

struct ArchiveCloser {
  void operator()(zip_t* archive) const noexcept { zip_discard(archive); }
};
struct MemberCloser {
  void operator()(zip_file_t* member) const noexcept { zip_fclose(member); }
};

Result<std::unique_ptr<zip_t, ArchiveCloser>> open_archive(const fs::path& path) {
  int code = 0;
  std::unique_ptr<zip_t, ArchiveCloser> archive(zip_open(path.c_str(), ZIP_RDONLY, &code));
  if (!archive) {
    zip_error_t error;
    zip_error_init_with_code(&error, code);
    auto result = fail(ErrorCode::kCorrupt,
                       fmt::format("{}: expected a zip archive: {}", path.string(), zip_error_strerror(&error)));
    zip_error_fini(&error);
    return result;
  }
  return archive;
}

// The member's bytes into `out`, no more than expected and no fewer.
Result<void> copy_member(zip_file_t* member, const CatalogueFile& file, std::string_view name, AtomicFile& out,
                         const CancelFlag* cancel) {
  std::vector<std::byte> buffer(kBufferSizeBytes);
  Sha256 hash;
  std::uint64_t done = 0;
  while (true) {
    if (cancel != nullptr && cancel->requested()) {
      return fail(ErrorCode::kCancelled, fmt::format("{}: unpacking cancelled", name), "run the same command again");
    }
    const zip_int64_t n = zip_fread(member, buffer.data(), buffer.size());
    if (n < 0) {
      return fail(ErrorCode::kCorrupt,
                  fmt::format("{}: the archive is damaged here: {}", name, zip_file_strerror(member)));
    }
    if (n == 0) {
      break;
    }
    done += static_cast<std::uint64_t>(n);
    if (done > file.size_bytes) {
      return fail(ErrorCode::kMismatch, fmt::format("{}: expected {} bytes, found more", name, file.size_bytes));
    }
    const std::span<const std::byte> bytes(buffer.data(), static_cast<std::size_t>(n));
    hash.update(bytes);
    if (auto written = out.write(bytes); !written) {
      return written;
    }
  }
  if (done != file.size_bytes) {
    return fail(ErrorCode::kMismatch, fmt::format("{}: expected {} bytes, found {}", name, file.size_bytes, done));
  }
  if (const std::string found = hash.hex(); found != file.sha256) {
    return fail(ErrorCode::kMismatch, fmt::format("{}: expected SHA-256 {}, found {}", name, file.sha256, found));
  }
  return {};
}

Result<void> extract_member(zip_t* archive, std::string_view prefix, const CatalogueFile& file, const fs::path& folder,
                            const CancelFlag* cancel) {
  if (!is_safe_relative_path(file.path)) {
    return fail(ErrorCode::kInvalidArgument, fmt::format("'{}': expected a path below the model's folder", file.path));
  }
  const std::string name = prefix.empty() ? file.path : fmt::format("{}/{}", prefix, file.path);
  const std::unique_ptr<zip_file_t, MemberCloser> member(zip_fopen(archive, name.c_str(), 0));
  if (!member) {
    const int code = zip_error_code_zip(zip_get_error(archive));
    return fail(code == ZIP_ER_NOENT ? ErrorCode::kNotFound : ErrorCode::kCorrupt,
                fmt::format("{}: cannot be read from the archive: {}", name, zip_strerror(archive)));
  }
  const fs::path target = folder / file.path;
  std::error_code ec;
  fs::create_directories(target.parent_path(), ec);
  auto out = AtomicFile::create(target);
  if (!out) {
    return std::unexpected(out.error());
  }
  if (auto copied = copy_member(member.get(), file, name, *out, cancel); !copied) {
    return copied;
  }
  return out->commit();
}

}  // namespace

Result<void> extract_members(const fs::path& path, std::string_view prefix, std::span<const CatalogueFile> files,
                             const fs::path& folder, const CancelFlag* cancel) {
  const auto archive = open_archive(path);
  if (!archive) {
    return std::unexpected(archive.error());
  }
  for (const CatalogueFile& file : files) {
    if (auto extracted = extract_member(archive->get(), prefix, file, folder, cancel); !extracted) {
      return fail(extracted.error().code, fmt::format("{}: {}", path.filename().string(), extracted.error().message),
                  extracted.error().hint);
    }
  }
  return {};
}

}  // namespace asterism
