"""The domain's tables: fields and constraints, no logic. Services write them, selectors read them."""

from improvement.models.audit import AuditEvent, AuditHead, Checkpoint
from improvement.models.candidates import Candidate, Evaluation, Evidence, FileSet
from improvement.models.language_models import Blob, LanguageModel, ModelCall
from improvement.models.people import ApiToken, SignInLink, TargetRole, User
from improvement.models.program_runs import ProgramRun
from improvement.models.reviews import Comment, PolicyVersion, Review, Thread, Vote
from improvement.models.runs import JournalEntry, Run, RunEvent, Snapshot
from improvement.models.streams import RollbackProposal, Serving, ServingStep, Stream, StreamArchive, StreamRecord
from improvement.models.system import Halt
from improvement.models.targets import Release, Target, TargetImport, UploadedTable

__all__ = [
    "ApiToken",
    "AuditEvent",
    "AuditHead",
    "Blob",
    "Candidate",
    "Checkpoint",
    "Comment",
    "Evaluation",
    "Evidence",
    "FileSet",
    "Halt",
    "JournalEntry",
    "LanguageModel",
    "ModelCall",
    "PolicyVersion",
    "ProgramRun",
    "Release",
    "Review",
    "RollbackProposal",
    "Run",
    "RunEvent",
    "Serving",
    "ServingStep",
    "SignInLink",
    "Snapshot",
    "Stream",
    "StreamArchive",
    "StreamRecord",
    "Target",
    "TargetImport",
    "TargetRole",
    "Thread",
    "UploadedTable",
    "User",
    "Vote",
]
