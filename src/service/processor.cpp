#include "service/processor.hpp"

#include <algorithm>
#include <array>
#include <set>

namespace asterism::service {
namespace {

struct Feature {
  std::string_view name;
  std::string_view flag;  // as the kernel spells it
};

constexpr std::array kX86Features{Feature{"AVX2", "avx2"},
                                  Feature{"AVX-512", "avx512f"},
                                  Feature{"AVX-512 BF16", "avx512_bf16"},
                                  Feature{"AVX-512 VNNI", "avx512_vnni"},
                                  Feature{"AVX VNNI", "avx_vnni"},
                                  Feature{"AMX BF16", "amx_bf16"},
                                  Feature{"AMX INT8", "amx_int8"}};
constexpr std::array kArmFeatures{Feature{"NEON", "asimd"}, Feature{"SVE", "sve"}, Feature{"BF16", "bf16"},
                                  Feature{"I8MM", "i8mm"}};

std::string_view trim(std::string_view text) {
  const auto begin = text.find_first_not_of(" \t");
  const auto end = text.find_last_not_of(" \t\r");
  return begin == std::string_view::npos ? std::string_view{} : text.substr(begin, end - begin + 1);
}

// The value of the first line `key : value`.
std::string_view first_value(std::string_view cpuinfo, std::string_view key) {
  while (!cpuinfo.empty()) {
    const auto line_end = std::min(cpuinfo.find('\n'), cpuinfo.size());
    const std::string_view line = cpuinfo.substr(0, line_end);
    cpuinfo.remove_prefix(std::min(line_end + 1, cpuinfo.size()));
    const auto colon = line.find(':');
    if (colon != std::string_view::npos && trim(line.substr(0, colon)) == key) {
      return trim(line.substr(colon + 1));
    }
  }
  return {};
}

std::set<std::string_view> words(std::string_view text) {
  std::set<std::string_view> out;
  while (!text.empty()) {
    const auto end = std::min(text.find(' '), text.size());
    out.insert(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return out;
}

}  // namespace

ProcessorDescription parse_cpuinfo(std::string_view cpuinfo) {
  ProcessorDescription description;
  description.name = first_value(cpuinfo, "model name");
  const std::string_view x86_flags = first_value(cpuinfo, "flags");
  const auto add = [&](const auto& features, std::string_view flags) {
    const auto present = words(flags);
    for (const Feature& feature : features) {
      description.features.emplace_back(std::string(feature.name), present.contains(feature.flag));
    }
  };
  if (!x86_flags.empty()) {
    add(kX86Features, x86_flags);
  } else if (const std::string_view arm_flags = first_value(cpuinfo, "Features"); !arm_flags.empty()) {
    add(kArmFeatures, arm_flags);
  }
  return description;
}

}  // namespace asterism::service
