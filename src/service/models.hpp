// Use cases around models: list, show, pull, verify, layers.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "asterism/encoder.hpp"
#include "asterism/error.hpp"
#include "encoder/layers.hpp"
#include "hub/hub.hpp"
#include "service/model_fetch.hpp"

namespace asterism::service {

struct ListedModel {
  CatalogueEntry entry;
  std::uint64_t size_bytes = 0;  // of the files its first telling source names; 0 = not known in advance
  bool here = false;             // usable without a download
  std::string folder;            // where it is, if it is here and has files
};

Result<std::vector<ListedModel>> list_models();

struct ModelFileInfo {
  std::string name;
  std::uint64_t size_bytes = 0;
};

struct ShowModelRequest {
  std::string model;
  EncoderOptions encoder;
  ModelFetch fetch;
};

struct ModelDetails {
  EncoderInfo encoder;
  std::string description;           // of the catalogue; empty for a model outside it
  std::string licence;               // likewise
  std::vector<std::string> sources;  // likewise
  std::vector<ModelFileInfo> files;  // in the model's folder, by name
};

// Loads the model, so that everything shown is what will run.
Result<ModelDetails> show_model(const ShowModelRequest& request);

struct PulledModel {
  ModelLocation location;
  std::vector<ModelFileInfo> files;
};

// Downloads what is missing; what is here already is compared with the server.
Result<PulledModel> pull_model(std::string_view model, const ModelFetch& fetch);

struct ModelVerification {
  std::string model;
  std::string folder;  // empty for the built-in model
  std::vector<FileCheck> files;
  std::size_t reference_count = 0;  // texts and pictures with a recorded vector of the original library
  std::size_t text_count = 0;       // of those
  std::size_t image_count = 0;      // likewise
  double difference_max = 0.0;      // largest absolute difference of any element, computed in f32
  double difference_allowed = 0.0;  // for that element's text or picture
  double cosine_min = 1.0;          // over the references
  std::size_t reference_failed_count = 0;
  bool ok() const noexcept;  // every file and every reference
};

// Files against the catalogue's digests, then reference texts and pictures against the original library's vectors, in
// f32. Every element may differ by max(20 x noise, 1e-5 x the vector's largest magnitude), noise being the original's
// own difference between float32 and float64. Uses no network. kNotFound for a model that is not here or not in the
// catalogue; kUnsupported where the catalogue has nothing to compare it with.
Result<ModelVerification> verify_model(std::string_view model);

struct ModelLayersRequest {
  std::string model;
  LayerListOptions options;
  bool tower_asked = false;  // options.tower is a wish, and not the default
  ModelFetch fetch;
};

// Every value that `layer` accepts, in the order of computation. kUnsupported for a static model, which has no graph,
// and for a tower that the model does not have; kInvalidArgument for an image size of a model of texts.
Result<LayerList> model_layers(const ModelLayersRequest& request);

}  // namespace asterism::service
