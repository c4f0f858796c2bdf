// KenLM for whole batches: the words of an n-gram model by number, and sentences of such numbers scored in one call.
//
// models/kenlm_batches.py calls this. Scores are added up as in KenLM's own ScoreSentence (python/score_sentence.cc), so
// that they are the same to the last bit. A look-up in a large model waits for memory most of its time; with the numbers
// of all words at hand, memory is asked some words ahead.

#include "lm/model.hh"

#include <stdint.h>

#include <utility>

using lm::WordIndex;
using lm::base::Model;

#define EXPORTED extern "C" __attribute__((visibility("default")))

namespace {

const uint64_t kAhead = 8;
static_assert(kAhead >= KENLM_MAX_ORDER, "no n-gram of a word so far ahead begins before the first word");

// Asks memory for where the n-grams that end in a word are, should they be in the model. Access to these private members
// is what -fno-access-control is for. Inline, for GCC takes a call that does no more than this for one without effect.
__attribute__((always_inline)) inline void Fetch(const lm::ngram::ProbingModel &model, const WordIndex *word) {
  uint64_t node = *word;
  for (const auto &table : model.search_.middle_) {
    node = lm::ngram::detail::CombineWordHash(node, *--word);
    __builtin_prefetch(table.Ideal(node));
  }
  __builtin_prefetch(model.search_.longest_.Ideal(lm::ngram::detail::CombineWordHash(node, *--word)));
}

}  // namespace

// Raise it, here and in models/kenlm_batches.py, when a signature changes.
EXPORTED uint32_t kenlm_scorer_version() { return 1; }

// The model of a file, or NULL where KenLM refuses the file.
EXPORTED const Model *kenlm_scorer_open(const char *path) {
  try {
    lm::ngram::Config config;
    config.show_progress = false;
    config.messages = nullptr;
    return lm::ngram::LoadVirtual(path, config);
  } catch (...) {
    return nullptr;
  }
}

EXPORTED void kenlm_scorer_close(const Model *model) { delete model; }

// The numbers of words that stand one behind the other; ends[i] is where word i ends.
EXPORTED void kenlm_scorer_find(const Model *model, const char *words, const uint64_t *ends, uint64_t n,
                                WordIndex *ids) {
  const lm::base::Vocabulary &vocabulary = model->BaseVocabulary();
  for (uint64_t i = 0, start = 0; i < n; start = ends[i++]) {
    ids[i] = vocabulary.Index(StringPiece(words + start, ends[i] - start));
  }
}

// log10 of the probability of each sentence, with its start and end; ends[i] is where sentence i ends.
EXPORTED void kenlm_scorer_score(const Model *model, const WordIndex *ids, const uint64_t *ends, uint64_t n,
                                 float *scores) {
  const WordIndex sentence_end = model->BaseVocabulary().EndSentence();
  const uint64_t end = n ? ends[n - 1] : 0;
  const auto *probing = dynamic_cast<const lm::ngram::ProbingModel *>(model);
  lm::ngram::State states[2];  // the state of every kind of model that LoadVirtual opens
  lm::ngram::State *before = states, *after = states + 1;
  for (uint64_t i = 0, at = 0; i < n; ++i) {
    model->BeginSentenceWrite(before);
    float score = 0.0;
    for (; at < ends[i]; ++at) {
      if (probing && at + kAhead < end) Fetch(*probing, ids + at + kAhead);
      score += model->BaseScore(before, ids[at], after);
      std::swap(before, after);
    }
    scores[i] = score + model->BaseScore(before, sentence_end, after);
  }
}
