"""The face: pure stages over FaceCurves. numpy alone, no files, no Blender."""
