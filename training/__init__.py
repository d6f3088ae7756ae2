"""How the bundled model is made: corpora, labels, network, training, export and judgement. Needs torch; never part of the extension."""
