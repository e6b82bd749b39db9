"""The entries that every catalog has, unless it names its own by the same name."""

from typing import Any

BUILT_IN: dict[str, dict[str, Any]] = {
    "datasets": {
        "digits": {
            "type": "digits",
            "description": "1,797 grey 8×8 images of the digits 0–9. Test split: the last 36 images of each class in "
            "the package's order (360), training split: the other 1,437; fixed, no seed.",
            "package": "scikit-learn",
            "licence": "unknown",
            "get": "it is inside scikit-learn, which lthkit installs",
            "normalisation": {"mean": [0.3054], "std": [0.3753]},  # of the training split
        },
        "pasted-digits": {
            "type": "pasted-digits",
            "description": "1,600 + 200 photographs of 96×96 with one to three digits 0–4 pasted on them, with boxes "
            "and masks: made of scikit-learn's digits and pictures, the same every time.",
            "package": "scikit-learn",
            "licence": "unknown",
            "get": "it is made of what is inside scikit-learn, which lthkit installs",
            "normalisation": {"mean": [0.485, 0.456, 0.406], "std": [0.229, 0.224, 0.225]},
        },
        "digit-crops": {
            "type": "digit-crops",
            "description": "4,000 + 500 parts of photographs of 32×32 with one digit 0–4 pasted on each: the same "
            "digits and pictures as in pasted-digits, one label an image.",
            "package": "scikit-learn",
            "licence": "unknown",
            "get": "it is made of what is inside scikit-learn, which lthkit installs",
            "normalisation": {"mean": [0.485, 0.456, 0.406], "std": [0.229, 0.224, 0.225]},
        },
    },
    "checkpoints": {},
}
