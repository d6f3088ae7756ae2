"""Apple's 52 face shapes, in the order of Live Link Face's file, and the regions that they belong to.

Source: the column order of Live Link Face's CSV and ARKit's ARFaceAnchor.BlendShapeLocation.
"""

from __future__ import annotations

NAMES: tuple[str, ...] = tuple(
    """
    eyeBlinkLeft eyeLookDownLeft eyeLookInLeft eyeLookOutLeft eyeLookUpLeft eyeSquintLeft eyeWideLeft
    eyeBlinkRight eyeLookDownRight eyeLookInRight eyeLookOutRight eyeLookUpRight eyeSquintRight eyeWideRight
    jawForward jawRight jawLeft jawOpen mouthClose mouthFunnel mouthPucker mouthRight mouthLeft
    mouthSmileLeft mouthSmileRight mouthFrownLeft mouthFrownRight mouthDimpleLeft mouthDimpleRight
    mouthStretchLeft mouthStretchRight mouthRollLower mouthRollUpper mouthShrugLower mouthShrugUpper
    mouthPressLeft mouthPressRight mouthLowerDownLeft mouthLowerDownRight mouthUpperUpLeft mouthUpperUpRight
    browDownLeft browDownRight browInnerUp browOuterUpLeft browOuterUpRight
    cheekPuff cheekSquintLeft cheekSquintRight noseSneerLeft noseSneerRight tongueOut
    """.split()
)

EYES: tuple[str, ...] = NAMES[:14]
BROWS: tuple[str, ...] = NAMES[41:46]
MOUTH: tuple[str, ...] = (*NAMES[14:41], "cheekPuff", "tongueOut")
CHEEKS_AND_NOSE: tuple[str, ...] = NAMES[47:51]

HEAD: tuple[str, ...] = ("headYaw", "headPitch", "headRoll")
EYE_ROTATIONS: tuple[str, ...] = ("leftEyeYaw", "leftEyePitch", "leftEyeRoll", "rightEyeYaw", "rightEyePitch", "rightEyeRoll")
