#include <fmt/format.h>

#include <CLI/CLI.hpp>

#include "cli/command.hpp"
#include "cli/help.hpp"
#include "cli/json_text.hpp"
#include "cli/text_format.hpp"
#include "service/doctor.hpp"

namespace asterism::cli {
namespace {

// "2026.4.1" of "2026.4.1-22982-e213a147257-releases/2026/4".
std::string short_version(const std::string& version) {
  return version.substr(0, version.find('-'));
}

std::string feature_list(const service::DoctorReport& report, bool present) {
  std::vector<std::string> names;
  for (const auto& [name, here] : report.processor_features) {
    if (here == present) {
      names.push_back(name);
    }
  }
  return names.empty() ? "-" : join(names, ", ");
}

std::string folder_text(const service::DoctorFolder& folder) {
  if (!folder.exists) {
    return fmt::format("{} (not there yet{})", folder.path, folder.writable ? "" : "; cannot be made");
  }
  return fmt::format("{} ({}{})", folder.path, counted(folder.model_count, "model"),
                     folder.writable ? "" : "; not writable");
}

std::string report_text(const service::DoctorReport& report) {
  Fields fields;
  fields.add("asterism", report.version);
  fields.add("OpenVINO", report.openvino_version.empty() ? "does not start" : short_version(report.openvino_version));
  fields.add("  its CPU device", report.openvino_capabilities.empty() ? "-" : join(report.openvino_capabilities, ", "));
  fields.add("libtorch", report.torch_version.empty()
                             ? "none: training needs it (Debian: libtorch-dev, libopenblas0-pthread)"
                             : fmt::format("{} ({})", report.torch_version, join(report.torch_capabilities, ", ")));
  fields.add("processor", report.processor.empty() ? "unknown" : report.processor);
  fields.add("  has", feature_list(report, true));
  fields.add("  has not", feature_list(report, false));
  fields.add("precision auto", report.precision_auto == "bf16"
                                   ? "bf16 here (native; --precision f32 for exact parity with the original library)"
                                   : "f32 here (no native bf16)");
  fields.add("threads", fmt::format("{}", report.thread_count));
  fields.add("memory", report.memory_size_bytes == 0 ? "unknown" : format_size(report.memory_size_bytes));
  fields.add("built-in model", report.builtin_model.empty() ? "does not load" : report.builtin_model);
  fields.add("for pictures", report.builtin_image_model.empty() ? "does not load" : report.builtin_image_model);
  for (const service::DoctorFolder& folder : report.folders) {
    fields.add(folder.purpose, folder_text(folder));
  }
  fields.add("network", report.offline ? "offline: no download will be tried" : "used when a model is not here");
  for (const service::DoctorVariable& variable : report.variables) {
    fields.add("  " + variable.name, variable.set ? variable.value : "not set");
  }
  std::string text = fields.to_string();
  if (report.problems.empty()) {
    return text + "\nNothing is wrong.\n";
  }
  text += fmt::format("\n{}:\n", counted(report.problems.size(), "problem"));
  for (const std::string& problem : report.problems) {
    text += fmt::format("  {}\n", problem);
  }
  return text;
}

Json report_json(const service::DoctorReport& report) {
  Json json{{"version", report.version},
            {"openvino", {{"version", report.openvino_version}, {"capabilities", report.openvino_capabilities}}},
            {"torch", {{"version", report.torch_version}, {"capabilities", report.torch_capabilities}}},
            {"processor", report.processor},
            {"features", Json::object()},
            {"precision_auto", report.precision_auto},
            {"threads", report.thread_count},
            {"memory_size_bytes", report.memory_size_bytes},
            {"builtin_model", report.builtin_model},
            {"builtin_image_model", report.builtin_image_model},
            {"folders", Json::array()},
            {"offline", report.offline},
            {"variables", Json::object()},
            {"problems", report.problems}};
  for (const auto& [name, here] : report.processor_features) {
    json["features"][name] = here;
  }
  for (const service::DoctorFolder& folder : report.folders) {
    json["folders"].push_back({{"purpose", folder.purpose},
                               {"path", folder.path},
                               {"exists", folder.exists},
                               {"writable", folder.writable},
                               {"models", folder.model_count}});
  }
  for (const service::DoctorVariable& variable : report.variables) {
    json["variables"][variable.name] = variable.set ? Json(variable.value) : Json(nullptr);
  }
  return json;
}

Result<int> run_doctor(Console& console) {
  auto report = service::doctor();
  if (!report) {
    return std::unexpected(report.error());
  }
  console.print(console.json() ? json_line(report_json(*report)) : report_text(*report));
  return report->problems.empty() ? 0 : error_traits(ErrorCode::kIo).exit_code;
}

}  // namespace

void add_doctor(CLI::App& root, CommandLine& line) {
  CLI::App& command =
      *root.add_subcommand("doctor", "Say what this machine has, what Asterism makes of it, and what is wrong.");
  add_common_options(command, line);
  set_examples(command, {{"asterism doctor", "versions, processor, precision, folders, environment"},
                         {"asterism doctor --json", "the same, to put into a bug report"}});
  command.callback([&line] { line.action = run_doctor; });
}

}  // namespace asterism::cli
