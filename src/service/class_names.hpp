// Names of a classifier's classes, where the model's files have them.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace asterism::service {

// From config.json: "id2label" of transformers, "label_names" of timm (beside or inside pretrained_cfg), with
// "label_descriptions" where there are some. Empty unless there is one for each of the `count` classes: a name at the
// wrong class is worse than none.
std::vector<std::string> class_names(const std::filesystem::path& model, std::size_t count);

}  // namespace asterism::service
