// Embeds a vector of strings and prints how near each is to the first.
//
//   example_embed_texts [MODEL]      MODEL: builtin (default), a catalogue id, org/name on the hub, or a folder
#include <cstdio>
#include <string>
#include <vector>

#include "asterism/encoder.hpp"
#include "asterism/neighbors.hpp"

int main(int argument_count, char** arguments) {
  const std::string model = argument_count > 1 ? arguments[1] : std::string(asterism::kBuiltinModel);
  const std::vector<std::string> texts{"The cat sat on the mat.", "A kitten is resting on a rug.",
                                       "The central bank raised interest rates."};

  const auto encoder = asterism::Encoder::load(model);
  if (!encoder) {
    std::fprintf(stderr, "%s\n", encoder.error().to_string().c_str());
    return asterism::error_traits(encoder.error().code).exit_code;
  }
  const auto embeddings = encoder->encode(texts);
  if (!embeddings) {
    std::fprintf(stderr, "%s\n", embeddings.error().to_string().c_str());
    return asterism::error_traits(embeddings.error().code).exit_code;
  }

  std::printf("%zu texts, %zu dimensions each\n", embeddings->row_count, embeddings->dim);
  for (std::size_t i = 0; i < texts.size(); ++i) {
    const float similarity = asterism::cosine_similarity(embeddings->row(0), embeddings->row(i));
    std::printf("%6.3f  %s\n", static_cast<double>(similarity), texts[i].c_str());
  }
  return 0;
}
