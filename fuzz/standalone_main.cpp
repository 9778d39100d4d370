// Drives a libFuzzer target where libFuzzer is missing (GCC): replays the corpus, then runs seeded mutations of it.
//
//   <target> [WORK_FOLDER] CORPUS... [-runs=N] [-max_total_time=SECONDS] [-seed=N]
//
// The options are libFuzzer's, so one command line serves both. The same seed and corpus give the same inputs. An input
// that crashes, trips a sanitizer or hangs is written to WORK_FOLDER/crash before the process dies.
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <csignal>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <optional>
#include <random>
#include <string>
#include <string_view>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);
// Present under the address sanitizer, whose reports end the process without a signal.
extern "C" [[gnu::weak]] void __sanitizer_set_death_callback(void (*callback)());

namespace {

using Bytes = std::vector<std::uint8_t>;

constexpr std::size_t kInputSizeBytesMax = std::size_t{1} << 20;
constexpr unsigned kHangSeconds = 120;  // sanitizers on a slow and busy machine included

// What the signal handler saves: a handler has no other way to reach the input than through static storage.
const std::uint8_t* current_data = nullptr;
std::size_t current_size_bytes = 0;
std::array<char, 4096> crash_path{};

// Only async-signal-safe calls.
void save_current_input() {
  const int file = ::open(crash_path.data(), O_CREAT | O_WRONLY | O_TRUNC, 0644);
  if (file >= 0) {
    const ssize_t written = ::write(file, current_data, current_size_bytes);
    static_cast<void>(written);
    ::close(file);
  }
}

void on_fatal_signal(int signal) {
  save_current_input();
  std::signal(signal, SIG_DFL);
  ::raise(signal);
}

void install_handlers(const std::filesystem::path& work_folder) {
  const std::string path = (work_folder / "crash").string();
  std::copy_n(path.data(), std::min(path.size(), crash_path.size() - 1), crash_path.data());
  for (const int signal : {SIGABRT, SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGALRM}) {
    std::signal(signal, on_fatal_signal);
  }
  if (__sanitizer_set_death_callback != nullptr) {
    __sanitizer_set_death_callback(save_current_input);
  }
}

void run_one(const Bytes& input) {
  // An exact-size copy on the heap, so that reading one byte past the end is a sanitizer report.
  const Bytes exact(input.begin(), input.end());
  current_data = exact.data();
  current_size_bytes = exact.size();
  ::alarm(kHangSeconds);
  LLVMFuzzerTestOneInput(exact.data(), exact.size());
  ::alarm(0);
}

class Mutator {
 public:
  Mutator(const std::vector<Bytes>& corpus, std::uint64_t seed) : corpus_(corpus), random_(seed) {}

  Bytes next() {
    Bytes input = corpus_.empty() ? Bytes{} : corpus_[below(corpus_.size())];
    for (std::size_t i = 1 + below(6); i > 0; --i) {
      mutate(input);
    }
    input.resize(std::min(input.size(), kInputSizeBytesMax));
    return input;
  }

 private:
  // Uniform in [0, bound); 0 when the bound is 0.
  std::size_t below(std::size_t bound) { return bound == 0 ? 0 : static_cast<std::size_t>(random_() % bound); }

  void mutate(Bytes& input) {
    switch (below(9)) {
      case 0:
        flip_bit(input);
        break;
      case 1:
        set_byte(input);
        break;
      case 2:
        insert_token(input);
        break;
      case 3:
        erase_range(input);
        break;
      case 4:
        repeat_range(input);
        break;
      case 5:
        input.resize(below(input.size() + 1));
        break;
      case 6:
        set_integer(input);
        break;
      case 7:
        splice(input);
        break;
      default:
        replace_number(input);
        break;
    }
  }

  void flip_bit(Bytes& input) {
    if (!input.empty()) {
      std::uint8_t& byte = input[below(input.size())];
      byte = static_cast<std::uint8_t>(byte ^ (1U << below(8)));
    }
  }

  void set_byte(Bytes& input) {
    constexpr std::array<std::uint8_t, 12> kBytes{0, 1, 0x7F, 0x80, 0xC0, 0xED, 0xFF, '"', '\\', '\n', '{', ']'};
    if (!input.empty()) {
      input[below(input.size())] = kBytes[below(kBytes.size())];
    }
  }

  void insert_token(Bytes& input) {
    constexpr std::array<std::string_view, 16> kTokens{"{",
                                                       "}",
                                                       "[",
                                                       "]",
                                                       ":",
                                                       ",",
                                                       "null",
                                                       "true",
                                                       "\"\"",
                                                       "-1",
                                                       "1e999",
                                                       "\\ud800",
                                                       "\xEF\xBB\xBF",
                                                       "\xE2\x80\x8D",
                                                       "\r\n",
                                                       "9223372036854775808"};
    const std::string_view token = kTokens[below(kTokens.size())];
    input.insert(at(input, below(input.size() + 1)), token.begin(), token.end());
  }

  void erase_range(Bytes& input) {
    const std::size_t begin = below(input.size() + 1);
    const std::size_t end = begin + below(std::min<std::size_t>(input.size() - begin, 64) + 1);
    input.erase(at(input, begin), at(input, end));
  }

  void repeat_range(Bytes& input) {
    const std::size_t begin = below(input.size() + 1);
    const std::size_t size = below(std::min<std::size_t>(input.size() - begin, 256) + 1);
    const Bytes range(at(input, begin), at(input, begin + size));
    for (std::size_t i = 1 + below(8); i > 0; --i) {
      input.insert(at(input, begin), range.begin(), range.end());
    }
  }

  // A little-endian integer that a length or an offset may hold, over the bytes that are there.
  void set_integer(Bytes& input) {
    constexpr std::array<std::uint64_t, 10> kIntegers{0,
                                                      1,
                                                      0x7FFFFFFF,
                                                      0x80000000,
                                                      0xFFFFFFFF,
                                                      0x100000000,
                                                      0x7FFFFFFFFFFFFFFF,
                                                      0x8000000000000000,
                                                      0xFFFFFFFFFFFFFFF8,
                                                      0xFFFFFFFFFFFFFFFF};
    const std::size_t size = std::size_t{1} << below(4);
    if (input.size() >= size) {
      const std::uint64_t value = below(2) == 0 ? kIntegers[below(kIntegers.size())] : below(input.size() * 2);
      // Lengths stand at the front more often than elsewhere.
      const std::size_t begin = below(2) == 0 ? 0 : below(input.size() - size + 1);
      std::memcpy(input.data() + begin, &value, size);
    }
  }

  void splice(Bytes& input) {
    if (!corpus_.empty()) {
      const Bytes& other = corpus_[below(corpus_.size())];
      const std::size_t begin = below(other.size() + 1);
      input.resize(below(input.size() + 1));
      input.insert(input.end(), other.begin() + static_cast<std::ptrdiff_t>(begin), other.end());
    }
  }

  // One number written in digits becomes another.
  void replace_number(Bytes& input) {
    constexpr std::array<std::string_view, 8> kNumbers{
        "0", "-1", "4294967296", "9223372036854775807", "18446744073709551615", "18446744073709551616", "0.5", "1e308"};
    const auto is_digit = [](std::uint8_t byte) { return byte >= '0' && byte <= '9'; };
    const auto begin = std::find_if(at(input, below(input.size() + 1)), input.end(), is_digit);
    const auto end = std::find_if_not(begin, input.end(), is_digit);
    if (begin != input.end()) {
      const std::string_view number = kNumbers[below(kNumbers.size())];
      const auto place = input.erase(begin, end);
      input.insert(place, number.begin(), number.end());
    }
  }

  static Bytes::iterator at(Bytes& input, std::size_t index) {
    return input.begin() + static_cast<std::ptrdiff_t>(index);
  }

  const std::vector<Bytes>& corpus_;
  std::mt19937_64 random_;
};

struct Settings {
  std::filesystem::path work_folder = ".";
  std::vector<std::filesystem::path> inputs;
  std::uint64_t run_count_max = UINT64_MAX;
  std::uint64_t seconds_max = 1;
  std::uint64_t seed = 1;
};

std::optional<Settings> parse_arguments(int argument_count, char** arguments) {
  Settings settings;
  for (int i = 1; i < argument_count; ++i) {
    const std::string_view argument = arguments[i];
    const auto number_after = [&](std::string_view name, std::uint64_t& value) {
      if (!argument.starts_with(name)) {
        return false;
      }
      const char* end = argument.data() + argument.size();
      return std::from_chars(argument.data() + name.size(), end, value).ptr == end;
    };
    if (number_after("-runs=", settings.run_count_max) || number_after("-max_total_time=", settings.seconds_max) ||
        number_after("-seed=", settings.seed)) {
      continue;
    }
    if (argument.starts_with("-") || !std::filesystem::exists(argument)) {
      std::fprintf(stderr, "fuzz: '%s': expected -runs=N, -max_total_time=SECONDS, -seed=N, a file or a folder\n",
                   arguments[i]);
      return std::nullopt;
    }
    settings.inputs.emplace_back(argument);
  }
  // As with libFuzzer, the first of several folders is the one to write to.
  if (settings.inputs.size() > 1) {
    settings.work_folder = settings.inputs.front();
  }
  return settings;
}

std::vector<Bytes> read_corpus(const std::vector<std::filesystem::path>& inputs) {
  std::vector<std::filesystem::path> files;
  for (const auto& input : inputs) {
    if (std::filesystem::is_directory(input)) {
      for (const auto& entry : std::filesystem::recursive_directory_iterator(input)) {
        if (entry.is_regular_file()) {
          files.push_back(entry.path());
        }
      }
    } else {
      files.push_back(input);
    }
  }
  // Directory order differs between machines; the mutations must not.
  std::sort(files.begin(), files.end());
  std::vector<Bytes> corpus;
  for (const auto& path : files) {
    std::ifstream file(path, std::ios::binary);
    corpus.emplace_back(std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>());
  }
  return corpus;
}

}  // namespace

int main(int argument_count, char** arguments) {
  const std::optional<Settings> settings = parse_arguments(argument_count, arguments);
  if (!settings) {
    return 2;
  }
  install_handlers(settings->work_folder);
  const std::vector<Bytes> corpus = read_corpus(settings->inputs);
  run_one({});
  for (const Bytes& input : corpus) {
    run_one(input);
  }
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(settings->seconds_max);
  Mutator mutator(corpus, settings->seed);
  std::uint64_t run_count = 0;
  while (run_count < settings->run_count_max && std::chrono::steady_clock::now() < end) {
    run_one(mutator.next());
    ++run_count;
  }
  std::printf("%zu corpus files and %llu mutations of them, seed %llu: no crash\n", corpus.size(),
              static_cast<unsigned long long>(run_count), static_cast<unsigned long long>(settings->seed));
  return 0;
}
