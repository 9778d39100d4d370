#include "service/doctor.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string_view>
#include <utility>

#include "asterism/encoder.hpp"
#include "asterism/version.hpp"
#include "base/thread_pool.hpp"
#include "graph/backend_module.hpp"
#include "hub/hub.hpp"
#include "service/processor.hpp"

namespace asterism::service {
namespace {

namespace fs = std::filesystem;

// A path that does not exist yet can be made when its nearest existing parent takes files.
bool could_write(fs::path path) {
  std::error_code ec;
  while (!path.empty() && !fs::exists(path, ec)) {
    if (path == path.parent_path()) {
      return false;
    }
    path = path.parent_path();
  }
  return fs::is_directory(path, ec) && ::access(path.c_str(), W_OK) == 0;
}

// /proc files have no size that a bounded read could ask for first.
std::string read_cpuinfo() {
  std::ifstream file("/proc/cpuinfo");
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

std::uint64_t memory_size_bytes() {
  const long pages = ::sysconf(_SC_PHYS_PAGES);
  const long page_size = ::sysconf(_SC_PAGE_SIZE);
  return pages > 0 && page_size > 0 ? static_cast<std::uint64_t>(pages) * static_cast<std::uint64_t>(page_size) : 0;
}

std::size_t model_folder_count(const fs::path& folder, std::string_view prefix) {
  std::size_t count = 0;
  std::error_code ec;
  for (fs::directory_iterator it(folder, ec), end; !ec && it != end; it.increment(ec)) {
    if (it->path().filename().string().starts_with(prefix) && it->is_directory(ec)) {
      ++count;
    }
  }
  return count;
}

DoctorFolder inspect_folder(std::string purpose, const fs::path& path, std::string_view prefix) {
  std::error_code ec;
  DoctorFolder folder{.purpose = std::move(purpose), .path = path.string()};
  folder.exists = fs::is_directory(path, ec);
  folder.writable = could_write(path);
  folder.model_count = folder.exists ? model_folder_count(path, prefix) : 0;
  return folder;
}

std::vector<DoctorVariable> variables() {
  struct Known {
    const char* name;
    bool secret;           // never shown
    bool may_hold_secret;  // https://user:password@host
  };
  constexpr std::array kKnown{Known{"HF_HOME", false, false},
                              Known{"HF_HUB_CACHE", false, false},
                              Known{"HF_ENDPOINT", false, true},
                              Known{"HF_TOKEN", true, true},
                              Known{"HF_HUB_OFFLINE", false, false},
                              Known{"TRANSFORMERS_OFFLINE", false, false},
                              Known{"XDG_CACHE_HOME", false, false},
                              Known{"ASTERISM_CATALOG", false, false},
                              Known{"ASTERISM_PYPI_INDEX", false, true},
                              Known{"PIP_INDEX_URL", false, true},
                              Known{"SSL_CERT_FILE", false, false}};
  std::vector<DoctorVariable> out;
  for (const Known& known : kKnown) {
    const char* value = std::getenv(known.name);
    if (value == nullptr) {
      out.push_back({known.name, false, {}});
      continue;
    }
    const bool hidden =
        known.secret || (known.may_hold_secret && std::string_view(value).find('@') != std::string_view::npos);
    out.push_back({known.name, true, hidden ? "(set)" : value});
  }
  return out;
}

void inspect_models(DoctorReport& report) {
  const HubOptions options = hub_options_from_environment();
  report.offline = options.offline;
  report.folders.push_back(inspect_folder("hub cache", options.hf_cache, "models--"));
  report.folders.push_back(inspect_folder("own cache", options.asterism_cache, ""));
  for (const DoctorFolder& folder : report.folders) {
    if (!folder.writable) {
      report.problems.push_back(
          fmt::format("{}: not writable, so models cannot be kept there; change its permissions or set {}", folder.path,
                      folder.purpose == "hub cache" ? "HF_HOME" : "XDG_CACHE_HOME"));
    }
  }
  if (auto entries = asterism::list_models(options); !entries) {
    report.problems.push_back(entries.error().to_string());
  }
}

void inspect_openvino(DoctorReport& report) {
  const auto backend = load_backend_module("openvino");
  const auto openvino = backend ? (*backend)->report() : Result<BackendReport>(std::unexpected(backend.error()));
  if (!openvino) {
    report.problems.push_back(fmt::format("OpenVINO does not start: {}", openvino.error().to_string()));
    report.precision_auto = "f32";
    return;
  }
  report.openvino_version = openvino->version;
  report.openvino_capabilities = openvino->capabilities;
  report.precision_auto = openvino->bf16_native ? "bf16" : "f32";
}

// A machine without libtorch is as it should be: only training needs one.
void inspect_torch(DoctorReport& report) {
  const auto backend = load_backend_module("torch");
  const auto torch = backend ? (*backend)->report() : Result<BackendReport>(std::unexpected(backend.error()));
  if (!torch) {
    return;
  }
  report.torch_version = torch->version;
  report.torch_capabilities = torch->capabilities;
  report.problems.insert(report.problems.end(), torch->warnings.begin(), torch->warnings.end());
}

void inspect_builtin_models(DoctorReport& report) {
  for (const auto& [id, description] :
       {std::pair{kBuiltinModel, &report.builtin_model}, std::pair{kBuiltinImageModel, &report.builtin_image_model}}) {
    const auto encoder = Encoder::load(id);
    if (!encoder) {
      report.problems.push_back(fmt::format("the model \"{}\" does not load: {}", id, encoder.error().to_string()));
      continue;
    }
    *description = fmt::format("{}, {} dimensions", encoder->info().family, encoder->dim());
  }
}

}  // namespace

Result<DoctorReport> doctor() {
  DoctorReport report;
  report.version = kVersion;
  auto processor = parse_cpuinfo(read_cpuinfo());
  report.processor = std::move(processor.name);
  report.processor_features = std::move(processor.features);
  report.thread_count = available_processor_count();
  report.memory_size_bytes = memory_size_bytes();
  report.variables = variables();
  inspect_openvino(report);
  inspect_torch(report);
  inspect_builtin_models(report);
  inspect_models(report);
  return report;
}

}  // namespace asterism::service
