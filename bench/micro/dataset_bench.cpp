// How long a large folder of images takes to its first row, and to be walked.
#include <benchmark/benchmark.h>
#include <stdlib.h>

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <string>

#include "dataset/image_reader.hpp"

namespace asterism {
namespace {

namespace fs = std::filesystem;

constexpr int kFileCount = 100'000;
// Fixed, so that each folder is made once.
constexpr int kIterationCount = 5;

// 100,000 files, in one folder or in a hundred.
class ImageFolder {
 public:
  explicit ImageFolder(int folder_count) {
    std::string name = (fs::temp_directory_path() / "asterism-bench-XXXXXX").string();
    path_ = ::mkdtemp(name.data()) == nullptr ? fs::path() : fs::path(name);
    for (int i = 0; i < kFileCount; ++i) {
      const fs::path folder = path_ / std::to_string(i % folder_count);
      if (i < folder_count) {
        fs::create_directory(folder);
      }
      std::ofstream(folder / (std::to_string(i) + ".jpg")) << "x";
    }
  }
  ImageFolder(const ImageFolder&) = delete;
  ImageFolder& operator=(const ImageFolder&) = delete;
  ~ImageFolder() { fs::remove_all(path_); }
  std::string path() const { return path_.string(); }

 private:
  fs::path path_;
};

void first_row(benchmark::State& state) {
  const ImageFolder folder(static_cast<int>(state.range(0)));
  for (auto _ : state) {
    auto reader = open_image_reader({.inputs = {folder.path()}});
    if (!reader || !(*reader)->next().value()) {
      state.SkipWithError("no row");
      return;
    }
  }
}

void skip_to_the_end(benchmark::State& state) {
  const ImageFolder folder(static_cast<int>(state.range(0)));
  auto whole = open_image_reader({.inputs = {folder.path()}});
  std::int64_t count = 0;
  RowMark last;
  while ((*whole)->next().value()) {
    ++count;
    last = (*whole)->mark();
  }
  if (count != kFileCount) {
    state.SkipWithError("wrong number of rows");
    return;
  }
  for (auto _ : state) {
    auto reader = open_image_reader({.inputs = {folder.path()}});
    if (!(*reader)->skip_to(last).value()) {
      state.SkipWithError("changed");
      return;
    }
  }
}

BENCHMARK(first_row)->Arg(1)->Arg(100)->Iterations(kIterationCount)->Unit(benchmark::kMillisecond);
BENCHMARK(skip_to_the_end)->Arg(1)->Arg(100)->Iterations(kIterationCount)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace asterism
