#include "hub/huggingface.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <charconv>
#include <utility>

#include "base/json.hpp"
#include "base/sha256.hpp"
#include "hub/download.hpp"
#include "hub/http.hpp"
#include "hub/hub_cache.hpp"
#include "hub/model_files.hpp"

namespace asterism {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kEtagLengthMax = 128;

std::string source_label(const HubId& id) {
  return "huggingface:" + id.repository;
}

std::string shown(const HubId& id) {
  return id.repository + "@" + id.revision;
}

// W/"abc" and "abc" name the same blob.
std::string normalised_etag(std::string_view etag) {
  if (etag.starts_with("W/")) {
    etag.remove_prefix(2);
  }
  while (etag.starts_with('"')) {
    etag.remove_prefix(1);
  }
  while (etag.ends_with('"')) {
    etag.remove_suffix(1);
  }
  return std::string(etag);
}

// An ETag becomes a file name.
bool is_usable_etag(std::string_view etag) {
  return is_safe_name(etag) && etag.size() <= kEtagLengthMax && std::ranges::all_of(etag, [](char c) {
           return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-' || c == '_' ||
                  c == '.';
         });
}

// What the hub says about one file.
struct RemoteFile {
  std::string path;
  std::string etag;
  std::optional<std::uint64_t> size_bytes;
};

// A conversation with the hub about one repository.
class HubSession {
 public:
  HubSession(const HubId& id, const std::vector<CatalogueFile>& known, const HubOptions& options, HttpClient client)
      : id_(id),
        known_(known),
        options_(options),
        client_(std::move(client)),
        cache_(options.hf_cache, id.repository) {}

  Result<ModelLocation> fetch();

 private:
  struct Listing {
    std::string commit;
    std::vector<std::string> files;
  };

  HttpRequest request(std::string url, HttpMethod method) const;
  std::unexpected<Error> status_error(const HttpHead& head, std::string_view what) const;
  Result<Listing> list_files();
  Result<RemoteFile> describe(const std::string& commit, const std::string& path);
  Result<void> fetch_file(const std::string& commit, const std::string& path);
  Result<void> fetch_blob(const std::string& commit, const RemoteFile& file);
  std::string file_url(const std::string& commit, const std::string& path) const;
  const CatalogueFile* known(std::string_view path) const;

  const HubId& id_;
  const std::vector<CatalogueFile>& known_;
  const HubOptions& options_;
  HttpClient client_;
  HubCache cache_;
};

const CatalogueFile* HubSession::known(std::string_view path) const {
  const auto found = std::ranges::find(known_, path, &CatalogueFile::path);
  return found == known_.end() ? nullptr : &*found;
}

HttpRequest HubSession::request(std::string url, HttpMethod method) const {
  HttpRequest request;
  request.url = std::move(url);
  request.method = method;
  if (!options_.hf_token.empty()) {
    request.authorization = {url_origin(options_.hf_endpoint), "Bearer " + options_.hf_token};
  }
  return request;
}

std::string HubSession::file_url(const std::string& commit, const std::string& path) const {
  return fmt::format("{}/{}/resolve/{}/{}", options_.hf_endpoint, id_.repository, commit, url_encode_path(path));
}

// The hub explains itself in X-Error-Code; without a token it answers 401 for what does not exist as well.
std::unexpected<Error> HubSession::status_error(const HttpHead& head, std::string_view what) const {
  const std::string code = head.header("x-error-code");
  const std::string where = fmt::format("{} at {}", shown(id_), options_.hf_endpoint);
  if (code == "GatedRepo" || head.status == 403) {
    return fail(ErrorCode::kNetwork,
                fmt::format("{}: access to {} is refused (status {}): the model is gated", where, what, head.status),
                "accept its terms on the hub's web page and set HF_TOKEN to a token that may read it");
  }
  if (head.status == 401) {
    return options_.hf_token.empty()
               ? fail(ErrorCode::kNotFound, fmt::format("{}: no such model, or a private one (status 401)", where),
                      "check the id; for a private model set HF_TOKEN")
               : fail(ErrorCode::kNetwork, fmt::format("{}: the hub does not accept the token (status 401)", where),
                      "check HF_TOKEN, or the file HF_HOME/token");
  }
  if (head.status == 404) {
    const std::string_view missing = code == "RevisionNotFound" ? "no such revision"
                                     : code == "EntryNotFound"  ? "no such file"
                                                                : "no such model, revision or file";
    return fail(ErrorCode::kNotFound, fmt::format("{}: {}: {} (status 404)", where, what, missing),
                "check the id and the revision");
  }
  return fail(ErrorCode::kNetwork, fmt::format("{}: {}: expected status 200, found {}", where, what, head.status),
              "try again later, or set HF_ENDPOINT to a mirror");
}

Result<HubSession::Listing> HubSession::list_files() {
  HttpRequest listing = request(fmt::format("{}/api/models/{}/revision/{}", options_.hf_endpoint, id_.repository,
                                            url_encode_component(id_.revision)),
                                HttpMethod::kGet);
  listing.accept = "application/json";
  const auto answer = request_with_retry(client_, options_, listing);
  if (!answer) {
    return std::unexpected(answer.error());
  }
  if (answer->head.status != 200) {
    return status_error(answer->head, "its file list");
  }
  const auto json = parse_json(answer->body, answer->head.url);
  if (!json) {
    return std::unexpected(json.error());
  }
  Listing out;
  auto commit = json_get<std::string>(*json, "sha", answer->head.url);
  if (!commit) {
    return std::unexpected(commit.error());
  }
  const auto siblings = json->find("siblings");
  if (!is_commit(*commit) || siblings == json->end() || !siblings->is_array()) {
    return fail(ErrorCode::kCorrupt,
                fmt::format("{}: expected a commit and a list of files, found something else", answer->head.url),
                "does HF_ENDPOINT name a Hugging Face hub?");
  }
  for (const Json& sibling : *siblings) {
    auto name = json_get<std::string>(sibling, "rfilename", answer->head.url);
    if (!name) {
      return std::unexpected(name.error());
    }
    out.files.push_back(std::move(*name));
  }
  out.commit = std::move(*commit);
  return out;
}

Result<RemoteFile> HubSession::describe(const std::string& commit, const std::string& path) {
  HttpRequest head = request(file_url(commit, path), HttpMethod::kHead);
  head.redirects = HttpRedirects::kUntilDescribed;
  const auto answer = request_with_retry(client_, options_, head);
  if (!answer) {
    return std::unexpected(answer.error());
  }
  const HttpHead& said = answer->head;
  if (said.status != 200 && (said.status < 300 || said.status >= 400)) {
    return status_error(said, path);
  }
  RemoteFile file;
  file.path = path;
  const std::string linked = said.header("x-linked-etag");
  file.etag = normalised_etag(linked.empty() ? said.header("etag") : linked);
  if (said.header("x-repo-commit") != commit || !is_usable_etag(file.etag)) {
    return fail(ErrorCode::kNetwork,
                fmt::format("{}: expected X-Repo-Commit {} and an ETag, found '{}' and '{}'", said.url, commit,
                            said.header("x-repo-commit"), file.etag),
                "does HF_ENDPOINT name a Hugging Face hub? a proxy may have answered in its place");
  }
  // The Content-Length of a redirect is that of the redirect.
  const std::string size = !said.header("x-linked-size").empty() ? said.header("x-linked-size")
                           : said.status == 200                  ? said.header("content-length")
                                                                 : std::string();
  std::uint64_t size_bytes = 0;
  const auto [end, ec] = std::from_chars(size.data(), size.data() + size.size(), size_bytes);
  if (ec == std::errc{} && end == size.data() + size.size() && !size.empty()) {
    file.size_bytes = size_bytes;
  }
  return file;
}

Result<void> HubSession::fetch_blob(const std::string& commit, const RemoteFile& file) {
  const auto lock = cache_.lock(file.etag, options_.cancel);
  if (!lock) {
    return std::unexpected(lock.error());
  }
  // Another process may have finished it meanwhile.
  std::error_code ec;
  const fs::path blob = cache_.blob_path(file.etag);
  if (const auto size_bytes = fs::file_size(blob, ec); !ec && (!file.size_bytes || *file.size_bytes == size_bytes)) {
    return {};
  }
  DownloadRequest download;
  download.http = request(file_url(commit, file.path), HttpMethod::kGet);
  download.partial = cache_.partial_path(file.etag);
  download.size_bytes = file.size_bytes;
  download.label = file.path;
  const Digest digest = digest_of_etag(file.etag);
  if (digest.kind == DigestKind::kNone) {
    log(options_.log, LogLevel::kWarning,
        fmt::format("{}: {}: the server gives no digest, only the size is checked", shown(id_), file.path));
  }
  return download_file(client_, options_, download, digest, blob);
}

Result<void> HubSession::fetch_file(const std::string& commit, const std::string& path) {
  // A snapshot of a commit never changes: a file that is there with its right size needs no question.
  std::error_code ec;
  const fs::path pointer = cache_.snapshot_folder(commit) / path;
  const CatalogueFile* expected = known(path);
  if (const auto size_bytes = fs::file_size(pointer, ec);
      !ec && (expected == nullptr || expected->size_bytes == size_bytes)) {
    return {};
  }
  const auto file = describe(commit, path);
  if (!file) {
    return std::unexpected(file.error());
  }
  if (expected != nullptr && is_sha256(file->etag) && file->etag != expected->sha256) {
    return fail(ErrorCode::kMismatch,
                fmt::format("{}: {}: expected SHA-256 {}, as the catalogue has it, found {}", shown(id_), path,
                            expected->sha256, file->etag),
                "the hub has other weights than the ones that were verified");
  }
  if (auto fetched = fetch_blob(commit, *file); !fetched) {
    return fetched;
  }
  if (expected != nullptr && !is_sha256(file->etag)) {
    if (auto checked = check_digest(cache_.blob_path(file->etag), {DigestKind::kSha256, expected->sha256},
                                    shown(id_) + ": " + path);
        !checked) {
      return checked;
    }
  }
  return cache_.link(commit, path, file->etag);
}

Result<ModelLocation> HubSession::fetch() {
  const auto listing = list_files();
  if (!listing) {
    return std::unexpected(listing.error());
  }
  const auto files = select_model_files(listing->files, shown(id_));
  if (!files) {
    return std::unexpected(files.error());
  }
  if (auto prepared = cache_.prepare(); !prepared) {
    return std::unexpected(prepared.error());
  }
  for (const std::string& path : *files) {
    if (auto fetched = fetch_file(listing->commit, path); !fetched) {
      return std::unexpected(fetched.error());
    }
  }
  // Last: without the network, a ref leads only to what is complete.
  if (auto written = cache_.write_ref(id_.revision, listing->commit); !written) {
    return std::unexpected(written.error());
  }
  return ModelLocation{cache_.snapshot_folder(listing->commit), id_.repository, source_label(id_), listing->commit};
}

bool sizes_are_right(const fs::path& folder, const std::vector<CatalogueFile>& known) {
  return std::ranges::all_of(known, [&folder](const CatalogueFile& file) {
    std::error_code ec;
    return fs::file_size(folder / file.path, ec) == file.size_bytes && !ec;
  });
}

Result<void> check_endpoint(const HubOptions& options) {
  if (url_origin(options.hf_endpoint).empty()) {
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("HF_ENDPOINT: expected http://... or https://..., found '{}'", options.hf_endpoint));
  }
  if (std::ranges::any_of(options.hf_token, [](unsigned char c) { return c <= 0x20 || c >= 0x7F; })) {
    return fail(ErrorCode::kInvalidArgument, "the hub's token: expected one word of plain characters",
                "check HF_TOKEN, or the file HF_HOME/token");
  }
  return {};
}

}  // namespace

std::optional<ModelLocation> find_cached_hub_model(const HubId& id, const std::vector<CatalogueFile>& known,
                                                   const HubOptions& options) {
  const HubCache cache(options.hf_cache, id.repository);
  const auto commit = cache.commit_of(id.revision);
  if (!commit) {
    return std::nullopt;
  }
  const fs::path folder = cache.snapshot_folder(*commit);
  if (!missing_model_files(folder).empty() || !sizes_are_right(folder, known)) {
    return std::nullopt;
  }
  return ModelLocation{folder, id.repository, source_label(id), *commit};
}

Result<ModelLocation> fetch_hub_model(const HubId& id, const std::vector<CatalogueFile>& known,
                                      const HubOptions& options) {
  auto client = HttpClient::create(options);
  if (!client) {
    return std::unexpected(client.error());
  }
  if (auto checked = check_endpoint(options); !checked) {
    return std::unexpected(checked.error());
  }
  return HubSession(id, known, options, std::move(*client)).fetch();
}

Error offline_hub_error(const HubId& id, const HubOptions& options) {
  const HubCache cache(options.hf_cache, id.repository);
  const auto commit = cache.commit_of(id.revision);
  std::string found = fmt::format("nothing of it in {}", options.hf_cache.string());
  if (commit) {
    const fs::path folder = cache.snapshot_folder(*commit);
    found = fmt::format("{} without {}", folder.string(), fmt::join(missing_model_files(folder), ", "));
  }
  return Error{
      ErrorCode::kNetwork,
      fmt::format("{}: offline mode (HF_HUB_OFFLINE), expected a complete copy on this machine, found {}", shown(id),
                  found),
      fmt::format("run `asterism models pull {}` once without HF_HUB_OFFLINE, or give a folder", id.repository)};
}

}  // namespace asterism
