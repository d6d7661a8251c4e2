"""Evaluations, one file each; the name of the file is the name that users write.

An evaluation is given networks and the images of the split that it names, and returns rows:
``seed``, settings of its own such as ``scale``, ``metric``, ``value`` and ``n``. It defines

* ``Params``, ``REVISION``, ``NEEDS`` (parts that a model must have), ``SPLIT``;
* ``evaluate(networks, data, params) -> rows``, called for each seed by itself; or, where the seeds
  share costly work, a generator: it is given all seeds, and yields the rows of a seed (or of some)
  when it has them. Either way the rows of a seed are kept at once.

It may define, as literals,

* ``ARRAYS = True``: small arrays come beside the rows, ``(rows, {seed: {name: array}})``;
* ``TOGETHER = True``: on a GPU ``evaluate`` is given all missing seeds at once, which
  ``networks.answers``, ``batches`` and ``parts`` call in stacks;
* ``GRADIENTS = True``: it runs outside of inference mode, so that gradients can be taken;
* ``kind = "classification"`` or ``"segmentation"``: it measures labels of this kind alone;
* ``CALLS = {"look"}``: methods of the network that it calls, beside that which all have; a model
  that does not name them in its ``METHODS`` is refused by `isotrope check`;
* ``SCOPE = "run"``: it is given the seeds of all packs of a point at once, and its rows, which have
  no ``seed``, belong to the run; arrays then stand under ``None``;
* ``SAME_IMAGES = True``, of such a measure: seeds that are each trained on other images are
  refused by `isotrope check`, as far as the data set says so (``own_subsets``);
* ``CHOOSES_ON = "valid"``: it chooses something (a threshold, say) by other images than those it
  measures: ``evaluate(networks, data, params, others)`` is given this split of the training data
  set, too. Where that has no such split, or its validation images are its test images, `isotrope
  check` refuses the evaluation.

One of hours keeps its state by ``networks.position``; one that measures against the network of
another run finds it in ``networks.against``.
"""
