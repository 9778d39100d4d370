// What the name of a file says about it, by its extension in any letter case.
#pragma once

#include <string_view>

namespace asterism {

// JPEG, PNG, WebP, GIF, TIFF and BMP.
bool has_image_extension(std::string_view name);
// .tar, compressed ones too (.tar.gz, .tgz, .tar.zst and so on).
bool has_tar_extension(std::string_view name);
// .npy and .safetensors.
bool has_tensor_extension(std::string_view name);
// .txt, .jsonl, .ndjson, .csv, .tsv.
bool has_text_extension(std::string_view name);

}  // namespace asterism
