// What the processor says about itself and what it can do.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace asterism::service {

struct ProcessorDescription {
  std::string name;  // "AMD EPYC ..."; empty when the system does not say
  // The instruction sets that decide this program's speed, in a fixed order, and whether they are here.
  std::vector<std::pair<std::string, bool>> features;
};

// From the text of Linux's /proc/cpuinfo, which leaves out what the kernel has not enabled.
ProcessorDescription parse_cpuinfo(std::string_view cpuinfo);

}  // namespace asterism::service
