// The strings of the tokenizer goldens, from a seed: tools/goldens/tokenizer_strings.py in C++ (the file format is told
// there).
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/json.hpp"
#include "base/utf8.hpp"

namespace asterism {

class GoldenStrings {
 public:
  explicit GoldenStrings(const Json& alphabet) {
    for (const Json& entry : alphabet) {
      Group group;
      group.weight = entry.at("weight").get<std::uint64_t>();
      weight_total_ += group.weight;
      for (const Json& text : entry.value("strings", Json::array())) {
        group.strings.push_back(text.get<std::string>());
      }
      for (const Json& range : entry.value("ranges", Json::array())) {
        group.ranges.push_back({range.at(0).get<std::uint32_t>(), range.at(1).get<std::uint32_t>()});
      }
      if (entry.contains("bytes")) {
        group.ranges.push_back(
            {entry.at("bytes").at(0).get<std::uint32_t>(), entry.at("bytes").at(1).get<std::uint32_t>()});
        group.of_bytes = true;
      }
      group.repeat = entry.value("repeat", std::uint64_t{0});
      group.same = entry.value("same", std::uint64_t{0});
      groups_.push_back(std::move(group));
    }
  }

  std::string make(std::uint64_t seed) const {
    Stream stream{seed};
    std::string out;
    if (stream.below(64) == 0) {
      return out;
    }
    const std::uint64_t piece_count = 1 + stream.below(16);
    for (std::uint64_t i = 0; i < piece_count; ++i) {
      std::uint64_t draw = stream.below(weight_total_);
      std::size_t chosen = 0;
      while (draw >= groups_[chosen].weight) {
        draw -= groups_[chosen++].weight;
      }
      append_piece(groups_[chosen], stream, out);
      if (stream.below(2) == 1) {
        out += ' ';
      }
    }
    return out;
  }

 private:
  struct Range {
    std::uint32_t first;
    std::uint32_t last;
  };
  struct Group {
    std::uint64_t weight = 0;
    std::vector<std::string> strings;
    std::vector<Range> ranges;
    std::uint64_t repeat = 0;
    std::uint64_t same = 0;
    bool of_bytes = false;
  };

  // SplitMix64.
  struct Stream {
    std::uint64_t state;
    std::uint64_t next() {
      state += 0x9E3779B97F4A7C15ULL;
      std::uint64_t z = state;
      z = (z ^ (z >> 30U)) * 0xBF58476D1CE4E5B9ULL;
      z = (z ^ (z >> 27U)) * 0x94D049BB133111EBULL;
      return z ^ (z >> 31U);
    }
    std::uint64_t below(std::uint64_t count) { return next() % count; }
  };

  static std::string code_point(const Group& group, Stream& stream) {
    const Range range = group.ranges[stream.below(group.ranges.size())];
    auto c = static_cast<char32_t>(range.first + stream.below(range.last - range.first + 1));
    if (c >= 0xD800 && c <= 0xDFFF) {
      c = U'A';
    }
    std::string out;
    append_utf8(c, out);
    return out;
  }

  static void append_piece(const Group& group, Stream& stream, std::string& out) {
    if (!group.strings.empty()) {
      out += group.strings[stream.below(group.strings.size())];
    } else if (group.of_bytes) {
      const Range range = group.ranges.front();
      for (std::uint64_t i = 1 + stream.below(group.repeat); i > 0; --i) {
        out += static_cast<char>(range.first + stream.below(range.last - range.first + 1));
      }
    } else if (group.same > 0) {
      const std::uint64_t count = 1 + stream.below(group.same);
      const std::string one = code_point(group, stream);
      for (std::uint64_t i = 0; i < count; ++i) {
        out += one;
      }
    } else if (group.repeat == 0) {
      std::string one = code_point(group, stream);
      one.pop_back();
      out += one;
    } else {
      for (std::uint64_t i = 1 + stream.below(group.repeat); i > 0; --i) {
        out += code_point(group, stream);
      }
    }
  }

  std::vector<Group> groups_;
  std::uint64_t weight_total_ = 0;
};

}  // namespace asterism
