// Runs one step of the way from image files to tensors over many files, on one thread.
//
//   asterism_peer_image_worker LIST      LIST names one file a line; commands on stdin, one answer a line on stdout:
//     decode            all files to pixels; answers seconds
//     preprocess        all pixels to tensors; answers seconds
//     both              all files to tensors; answers seconds
//     save PATH         the tensors one after the other as raw float32; answers 0
#include <chrono>
#include <cstddef>
#include <fstream>
#include <iostream>
#include <iterator>
#include <sstream>
#include <string>
#include <vector>

#include "image/decode.hpp"
#include "image/preprocess.hpp"

namespace {

using Clock = std::chrono::steady_clock;

constexpr std::size_t kElementCount = 3 * 224 * 224;

// What preprocess.py asks torchvision for.
asterism::ImagePreprocess settings() {
  return {.resize = asterism::ResizeMode::kShortestEdge,
          .resize_width = 256,
          .interpolation = asterism::Interpolation::kBilinear,
          .crop = asterism::CropMode::kCenter,
          .crop_width = 224,
          .crop_height = 224,
          .mean = {0.485F, 0.456F, 0.406F},
          .std = {0.229F, 0.224F, 0.225F}};
}

class Worker {
 public:
  bool read(const std::string& list) {
    std::ifstream names(list);
    for (std::string name; std::getline(names, name);) {
      std::ifstream file(name, std::ios::binary);
      files_.emplace_back(std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>());
      auto image = asterism::decode_image(bytes(files_.back()));
      if (!image) {
        std::cerr << name << ": " << image.error().to_string() << '\n';
        return false;
      }
      images_.push_back(std::move(*image));
    }
    return !files_.empty();
  }

  bool decode() {
    bool ok = true;
    for (const std::string& file : files_) {
      ok = ok && asterism::decode_image_into(bytes(file), {}, image_).has_value();
    }
    return ok;
  }

  bool preprocess() {
    bool ok = true;
    for (const asterism::Image& image : images_) {
      ok = ok && asterism::preprocess_image_into(image, settings_, tensor_, scratch_).has_value();
    }
    return ok;
  }

  bool both() {
    bool ok = true;
    for (const std::string& file : files_) {
      ok = ok && asterism::decode_image_into(bytes(file), {}, image_).has_value() &&
           asterism::preprocess_image_into(image_, settings_, tensor_, scratch_).has_value();
    }
    return ok;
  }

  bool save(const std::string& path) {
    std::ofstream out(path, std::ios::binary);
    for (const asterism::Image& image : images_) {
      if (!asterism::preprocess_image_into(image, settings_, tensor_, scratch_)) {
        return false;
      }
      const auto raw = std::as_bytes(std::span(tensor_));
      out.write(reinterpret_cast<const char*>(raw.data()), static_cast<std::streamsize>(raw.size()));
    }
    return out.good();
  }

  bool run(const std::string& command, const std::string& argument) {
    if (command == "decode") return decode();
    if (command == "preprocess") return preprocess();
    if (command == "both") return both();
    return command == "save" && save(argument);
  }

 private:
  static std::span<const std::byte> bytes(const std::string& file) { return std::as_bytes(std::span(file)); }

  asterism::ImagePreprocess settings_ = settings();
  std::vector<std::string> files_;
  std::vector<asterism::Image> images_;
  asterism::Image image_;
  asterism::PreprocessScratch scratch_;
  std::vector<float> tensor_ = std::vector<float>(kElementCount);
};

}  // namespace

int main(int argument_count, char** arguments) {
  Worker worker;
  if (argument_count != 2 || !worker.read(arguments[1])) {
    std::cerr << "usage: asterism_peer_image_worker LIST\n";
    return 2;
  }
  std::cout << "ready"
            << "\n"
            << std::flush;
  for (std::string line; std::getline(std::cin, line);) {
    std::istringstream words(line);
    std::string command;
    std::string argument;
    words >> command >> argument;
    const Clock::time_point start = Clock::now();
    const bool ok = worker.run(command, argument);
    const double seconds = std::chrono::duration<double>(Clock::now() - start).count();
    std::cout << (ok ? "ok " : "failed ") << seconds << "\n" << std::flush;
  }
  return 0;
}
