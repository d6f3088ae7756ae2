"""Many recordings in one go: what a manifest asks for, done by several processes or machines, again where it stopped, with a report. No bpy.

manifest, plan  ->  Task, a line as plain data  ->  work.bake, in whichever process  ->  Result  ->  resume's journal, report
"""
