#include "hub/digest.hpp"

#include <fmt/format.h>
#include <openssl/evp.h>

#include <array>
#include <memory>

#include "base/file.hpp"
#include "base/sha256.hpp"
#include "hub/model_id.hpp"

namespace asterism {
namespace {

Result<std::string> git_blob_file(const std::filesystem::path& path) {
  const auto file = MappedFile::open(path);
  if (!file) {
    return std::unexpected(file.error());
  }
  const std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context(EVP_MD_CTX_new(), &EVP_MD_CTX_free);
  std::string header = fmt::format("blob {}", file->bytes().size());
  header.push_back('\0');
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned length = 0;
  if (EVP_DigestInit_ex(context.get(), EVP_sha1(), nullptr) != 1 ||
      EVP_DigestUpdate(context.get(), header.data(), header.size()) != 1 ||
      EVP_DigestUpdate(context.get(), file->bytes().data(), file->bytes().size()) != 1 ||
      EVP_DigestFinal_ex(context.get(), digest.data(), &length) != 1) {
    return fail(ErrorCode::kInternal, fmt::format("{}: OpenSSL refused to compute SHA-1", path.string()));
  }
  std::string hex;
  for (unsigned i = 0; i < length; ++i) {
    hex += fmt::format("{:02x}", digest[i]);
  }
  return hex;
}

}  // namespace

Digest digest_of_etag(std::string_view etag) {
  if (is_sha256(etag)) {
    return {DigestKind::kSha256, std::string(etag)};
  }
  if (is_commit(etag)) {  // git names blobs as it names commits
    return {DigestKind::kGitBlob, std::string(etag)};
  }
  return {};
}

Result<void> check_digest(const std::filesystem::path& path, const Digest& expected, std::string_view label) {
  if (expected.kind == DigestKind::kNone) {
    return {};
  }
  const auto found = expected.kind == DigestKind::kSha256 ? sha256_file(path) : git_blob_file(path);
  if (!found) {
    return std::unexpected(found.error());
  }
  if (*found == expected.hex) {
    return {};
  }
  return fail(ErrorCode::kMismatch,
              fmt::format("{}: expected {} {}, found {}", label,
                          expected.kind == DigestKind::kSha256 ? "SHA-256" : "git hash", expected.hex, *found),
              "the download was damaged or the server's file changed: it was thrown away; try again");
}

}  // namespace asterism
