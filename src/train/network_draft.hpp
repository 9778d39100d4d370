// A network while its kind adds to it. Private to src/train.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "asterism/error.hpp"
#include "graph/graph.hpp"
#include "models/initial_parts.hpp"
#include "models/settings_reader.hpp"
#include "train/network.hpp"
#include "train/parameter_rules.hpp"
#include "train/picture_encoder.hpp"

namespace asterism {

struct NetworkDraft {
  const Recipe& recipe;
  const DataSummary& data;
  const PictureEncoder& encoder;
  std::string_view kind;    // as in the recipe
  SettingsReader settings;  // of [objective]
  InitialTensors fresh;     // layers that only training has
  // Training starts from the encoder's graph; what it outputs is what the losses and pictures name.
  GraphBuilder builder;
  std::vector<ValueId> outputs = {};
  // Of the evaluation graph beside the embedding.
  std::vector<std::string> evaluated = {};
  ParameterRules rules = {};
  TrainingNetwork network = {};

  std::int64_t dim() const noexcept { return network.dim; }
};

// After the kind: the graphs that are learnt and evaluated, their parameters and rules.
Result<void> finish_network(NetworkDraft& draft);

// A value that losses name: kept as an output, its own name returned.
std::string output(NetworkDraft& draft, std::string name, ValueId value);

// Fresh layers, on [rows, size] or [rows, tokens, size].
ValueId fresh_linear(NetworkDraft& draft, const std::string& path, ValueId x, std::int64_t out_size);
// linear - batch norm - ReLU - linear, as Chen et al. 2020 put it on an encoder: "PATH.0" to "PATH.3".
struct ProjectionSize {
  std::int64_t hidden = 0;
  std::int64_t out = 0;
};
ValueId fresh_projection(NetworkDraft& draft, const std::string& path, ValueId x, const ProjectionSize& size);

// One function a kind; each reads its settings, adds outputs, losses and what the batches must hold.
Result<void> draft_supervised(NetworkDraft& draft);
Result<void> draft_autoencoder(NetworkDraft& draft);
Result<void> draft_masked_autoencoder(NetworkDraft& draft);
Result<void> draft_data2vec(NetworkDraft& draft);
Result<void> draft_simclr(NetworkDraft& draft);
Result<void> draft_supervised_contrastive(NetworkDraft& draft);
Result<void> draft_triplet(NetworkDraft& draft);
Result<void> draft_vicreg(NetworkDraft& draft);
Result<void> draft_distillation(NetworkDraft& draft);

}  // namespace asterism
