/* eslint-disable */
/** Internal type. DO NOT USE DIRECTLY. */
type Exact<T extends { [key: string]: unknown }> = { [K in keyof T]: T[K] };
/** Internal type. DO NOT USE DIRECTLY. */
export type Incremental<T> = T | { [P in keyof T]?: P extends ' $fragmentName' | '__typename' ? T[P] : never };
import type { Code as ErrorCode } from '../outbox/rules';
import type { DocumentTypeDecoration } from '@graphql-typed-document-node/core';
export type AcceptReferralInput = {
  expectedVersion: number;
  id: string | number;
  idempotencyKey: string;
  offerId?: string | number | null | undefined;
  plannedOn: string;
  reason?: string | null | undefined;
};

export type AcceptanceClaimInput = {
  contractItemId: string | number;
  quantity?: string | null | undefined;
};

export type AcceptanceState =
  | 'ACCEPTED'
  | 'ACCEPTED_WITH_DEDUCTION'
  | 'REJECTED'
  | 'RESUBMITTED'
  | 'REVIEWING'
  | 'SUBMITTED';

export type AcceptanceTermsInput = {
  claimedFen?: number | null | undefined;
  documents?: Array<EvidenceDocumentInput>;
  fromOn: string;
  lines?: Array<AcceptanceClaimInput> | null | undefined;
  note?: string | null | undefined;
  untilOn: string;
};

export type AcknowledgeDeliveryInput = {
  expectedVersion: number;
  id: string | number;
  idempotencyKey: string;
  method: Acknowledgement;
};

export type Acknowledgement =
  | 'GUARDIAN'
  | 'OTP'
  | 'SIGNATURE'
  | 'VOICE'
  | 'WITNESSED';

export type AssessmentState =
  | 'COMPLETED'
  | 'DRAFT'
  | 'SUPERSEDED';

export type AttendanceCodeInput = {
  /** The http(s) address of a page that reads the payload behind its #: the QR codes lead there, so that any telephone's camera opens it. */
  page?: string | null | undefined;
  taskId: string | number;
};

export type Band =
  | 'MILD'
  | 'MODERATE'
  | 'NONE'
  | 'SEVERE';

export type BeginPlanningInput = {
  assessmentId: string | number;
  expectedVersion: number;
  id: string | number;
  idempotencyKey: string;
};

export type BuiltinProfile =
  | 'HOTLINE_TICKETS'
  | 'RECOGNITIONS'
  | 'TOWNSHIP_NEEDS';

export type CaseState =
  | 'ASSESSMENT'
  | 'CLOSED'
  | 'EVALUATION'
  | 'INTAKE'
  | 'INTERVENTION'
  | 'ON_HOLD'
  | 'PLANNING'
  | 'REFERRED_OUT'
  | 'REJECTED_AT_INTAKE';

export type CaseType =
  | 'CRISIS'
  | 'FAMILY'
  | 'INDIVIDUAL';

export type ChangeInput = {
  changes: Array<string>;
  happenedOn?: string | null | undefined;
  major?: boolean;
  note?: string | null | undefined;
};

export type Channel =
  | 'CHARITY'
  | 'GOVERNMENT'
  | 'NONE'
  | 'PURCHASED'
  | 'STATION'
  | 'VOLUNTEER';

export type CheckInInput = {
  /** The town one is in; no finer place is kept. */
  area?: string | null | undefined;
  code?: string | null | undefined;
  idempotencyKey: string;
  taskId: string | number;
  volunteerId?: string | number | null | undefined;
};

export type CheckInMode =
  | 'CODE'
  | 'SCAN'
  | 'SELF_LOCATION';

export type CheckInState =
  | 'CLOSED'
  | 'LAPSED'
  | 'OPEN';

export type CheckOutInput = {
  area?: string | null | undefined;
  code?: string | null | undefined;
  expectedVersion: number;
  id: string | number;
  idempotencyKey: string;
};

export type CompleteReferralInput = {
  expectedVersion: number;
  id: string | number;
  idempotencyKey: string;
  outcome: string;
  reason?: string | null | undefined;
};

export type ConfirmOutcomeInput = {
  contactedOn: string;
  expectedVersion: number;
  id: string | number;
  idempotencyKey: string;
  reason?: string | null | undefined;
};

export type ConsentState =
  | 'EXPIRED'
  | 'GRANTED'
  | 'LAPSED'
  | 'REFUSED'
  | 'REQUESTED'
  | 'SUPERSEDED'
  | 'WITHDRAWN';

export type ContractState =
  | 'ACTIVE'
  | 'CANCELLED'
  | 'PENDING'
  | 'SUSPENDED'
  | 'TERMINATED_EARLY'
  | 'TERMINATED_SUCCESSFULLY'
  | 'UNSUCCESSFUL';

export type Coverage =
  | 'CONFIRMED'
  | 'DELIVERED'
  | 'FULLY_PLEDGED'
  | 'NONE'
  | 'PARTLY_DELIVERED'
  | 'PARTLY_PLEDGED';

export type CreateAssessmentInput = {
  /** {item key: answer} */
  answers?: unknown;
  assessedOn?: string | null | undefined;
  householdId: string | number;
  idempotencyKey: string;
  /** Its code; WUWEI if left out. */
  instrument?: string | null | undefined;
  measures?: Array<MeasureInput>;
  recipientId?: string | number | null | undefined;
  remarks?: string | null | undefined;
  /** Whose posting it is made from; your own if left out. */
  workerId?: string | number | null | undefined;
};

export type CreateCaseNoteInput = {
  caseId: string | number;
  happenedAt?: string | null | undefined;
  idempotencyKey: string;
  level: NoteLevel;
  text: string;
};

export type CreateReferralInput = {
  consentId?: string | number | null | undefined;
  dataClasses?: Array<string>;
  idempotencyKey: string;
  legalBasis?: string | null | undefined;
  lines?: Array<ReferredLineInput>;
  needId: string | number;
  note?: string | null | undefined;
  summary?: string | null | undefined;
  title?: string | null | undefined;
  toOrganizationId: string | number;
  toStationId?: string | number | null | undefined;
};

export type DeliveryState =
  | 'ACKNOWLEDGED'
  | 'DISPUTED'
  | 'RECORDED'
  | 'REVERSED'
  | 'VERIFIED';

export type EditState =
  | 'ADOPTED'
  | 'APPLIED'
  | 'CONFLICTING'
  | 'SET_ASIDE';

export { ErrorCode };

export type EvidenceDocumentInput = {
  documentType: string;
  sha256: string;
  title: string;
};

export type FeedbackState =
  | 'HANDLED'
  | 'READ'
  | 'RECEIVED';

export type Gender =
  | 'FEMALE'
  | 'MALE'
  | 'UNKNOWN';

export type GoalState =
  | 'ACHIEVED'
  | 'DROPPED'
  | 'NOT'
  | 'OPEN'
  | 'PARTLY';

export type ImportKind =
  | 'NEEDS'
  | 'OCDS'
  | 'OFFERS'
  | 'RECOGNITIONS'
  | 'TICKETS';

/** A profile that comes along, a registered one, or the TOML itself. */
export type ImportProfileInput =
  {   builtin: BuiltinProfile; name?: never; toml?: never; }
  |  { builtin?: never;   name: string; toml?: never; }
  |  { builtin?: never; name?: never;   toml: string; };

export type ImportRunState =
  | 'DONE'
  | 'FAILED'
  | 'REQUESTED'
  | 'RUNNING';

export type ImportUploadedInput = {
  dryRun?: boolean;
  idempotencyKey: string;
  kind: ImportKind;
  profile: ImportProfileInput;
  uploadId: string | number;
};

export type MeasureInput = {
  category: string;
  channel: Channel;
  measure: string;
};

export type MilestoneKind =
  | 'ASSESSMENT'
  | 'DELIVERY'
  | 'PAYMENT'
  | 'REPORTING';

export type MilestoneState =
  | 'MET'
  | 'NOT_MET'
  | 'PARTIALLY_MET'
  | 'SCHEDULED';

export type NeedKind =
  | 'CASH'
  | 'GOODS'
  | 'HOURS'
  | 'SERVICE';

export type NeedState =
  | 'CANCELLED'
  | 'CLOSED'
  | 'DRAFT'
  | 'PAUSED'
  | 'PUBLISHED'
  | 'REJECTED'
  | 'RETURNED'
  | 'SUBMITTED'
  | 'VERIFIED';

export type NoteLevel =
  | 'RESTRICTED'
  | 'SUPERVISION'
  | 'TEAM';

export type NoteState =
  | 'DRAFT'
  | 'SIGNED';

export type OpenPictureInput = {
  idempotencyKey: string;
  pictureId: string | number;
};

export type OrganizationType =
  | 'ASSOCIATION'
  | 'COMMITTEE'
  | 'COMPANY'
  | 'FOUNDATION'
  | 'GOVERNMENT_BODY'
  | 'MASS_ORGANISATION'
  | 'PUBLIC_INSTITUTION'
  | 'SOCIAL_SERVICE_AGENCY';

/** What the paper is about. */
export type PaperSubjectInput =
  {   caseId: string | number; referralId?: never; visitId?: never; }
  |  { caseId?: never;   referralId: string | number; visitId?: never; }
  |  { caseId?: never; referralId?: never;   visitId: string | number; };

export type PerformVisitInput = {
  change?: ChangeInput | null | undefined;
  danger?: boolean;
  expectedVersion: number;
  /** {item code: answer} */
  findings?: unknown;
  id: string | number;
  idempotencyKey: string;
  /** How it was made, where that is not as planned. */
  kind?: VisitKind | null | undefined;
  /** The division the device is in; no finer place is taken. */
  locatedIn?: string | null | undefined;
  minutes?: number | null | undefined;
  performedAt: string;
  summary?: string | null | undefined;
};

export type PictureKind =
  | 'PHOTO'
  | 'SIGNATURE';

export type PictureState =
  | 'EXPIRED'
  | 'KEPT'
  | 'REMOVED'
  | 'REQUESTED';

export type PlanState =
  | 'APPROVED'
  | 'DRAFT'
  | 'SUBMITTED'
  | 'SUPERSEDED';

export type PledgeState =
  | 'ACCEPTED'
  | 'EXPIRED'
  | 'FULFILLED'
  | 'OFFERED'
  | 'PARTLY_FULFILLED'
  | 'REJECTED'
  | 'RELEASED'
  | 'RELEASE_REQUESTED'
  | 'WITHDRAWN';

export type PrintPaperInput = {
  idempotencyKey: string;
  subject: PaperSubjectInput;
};

export type RecordFirstContactInput = {
  contactedAt?: string | null | undefined;
  expectedVersion: number;
  id: string | number;
  idempotencyKey: string;
};

export type RecordVisitInput = {
  caseId?: string | number | null | undefined;
  change?: ChangeInput | null | undefined;
  danger?: boolean;
  /** {item code: answer} */
  findings?: unknown;
  householdId: string | number;
  idempotencyKey: string;
  kind: VisitKind;
  /** The division the device is in; no finer place is taken. */
  locatedIn?: string | null | undefined;
  minutes?: number | null | undefined;
  performedAt: string;
  stationId: string | number;
  summary?: string | null | undefined;
};

export type ReferralDirection =
  | 'CHARITY_TO_CHARITY'
  | 'CHARITY_TO_GOV'
  | 'CHARITY_TO_STATION'
  | 'CROSS_AREA'
  | 'CROSS_BORDER'
  | 'GOV_TO_CHARITY'
  | 'GOV_TO_DEPT'
  | 'GOV_TO_STATION'
  | 'STATION_TO_CHARITY'
  | 'STATION_TO_DEPT'
  | 'STATION_TO_STATION';

export type ReferralState =
  | 'ACCEPTED'
  | 'CANCELLED'
  | 'COMPLETED'
  | 'DRAFT'
  | 'ENTERED_IN_ERROR'
  | 'EXPIRED'
  | 'FAILED'
  | 'IN_PROGRESS'
  | 'ON_HOLD'
  | 'REJECTED'
  | 'REQUESTED';

export type ReferredLineInput = {
  lineId: string | number;
  quantity?: string | null | undefined;
};

export type RejectReferralInput = {
  code: string;
  expectedVersion: number;
  id: string | number;
  idempotencyKey: string;
  reason?: string | null | undefined;
};

export type ReportState =
  | 'ASSIGNED'
  | 'CLOSED'
  | 'CONVERTED'
  | 'DUPLICATE_OF'
  | 'RECEIVED'
  | 'TRANSFERRED'
  | 'TRIAGED'
  | 'UNFOUNDED'
  | 'VERIFIED';

export type RequestPictureInput = {
  bytes: number;
  caption?: string | null | undefined;
  /** image/jpeg, image/png or image/webp */
  contentType: string;
  idempotencyKey: string;
  kind: PictureKind;
  sha256: string;
  /** Whose signature it is; of a photo nobody's. */
  signer?: Signer | null | undefined;
  takenAt: string;
  visitId: string | number;
};

export type RequestUploadInput = {
  fileName: string;
  idempotencyKey: string;
};

export type RescheduleVisitInput = {
  /** Within so many days from today, 1 to 90. */
  days: number;
  expectedVersion: number;
  id: string | number;
  idempotencyKey: string;
  reason: string;
};

export type RiskTier =
  | 'HIGH'
  | 'LOW'
  | 'MEDIUM';

export type Role =
  | 'AIDE'
  | 'ANONYMOUS'
  | 'AUDITOR'
  | 'BUYER'
  | 'BUYER_FINANCE'
  | 'CHARITY_CLIENT'
  | 'CHARITY_USER'
  | 'DPO'
  | 'EVALUATOR'
  | 'GOV_APPROVER'
  | 'GOV_CLERK'
  | 'GOV_COORDINATOR'
  | 'GUARDIAN'
  | 'INVITED_SUPERVISOR'
  | 'PLATFORM_ADMIN'
  | 'RECIPIENT'
  | 'SOCIAL_WORKER'
  | 'STATION_LEAD'
  | 'SUPERVISOR'
  | 'SYSTEM'
  | 'VOLUNTEER'
  | 'VOL_ORG';

export type Signer =
  | 'FAMILY'
  | 'GUARDIAN'
  | 'RECIPIENT'
  | 'WITNESS'
  | 'WORKER';

export type SignupState =
  | 'APPLIED'
  | 'ATTENDED'
  | 'CANCELLED'
  | 'CONFIRMED'
  | 'DECLINED'
  | 'NO_SHOW'
  | 'WAITLISTED';

export type StationLevel =
  | 'ASSISTANCE_CENTRE'
  | 'TOWN_STATION'
  | 'VILLAGE_POINT';

export type SubmitAcceptanceInput = {
  idempotencyKey: string;
  milestoneId: string | number;
  terms: AcceptanceTermsInput;
};

export type TaskState =
  | 'CANCELLED'
  | 'CLOSED'
  | 'DRAFT'
  | 'ENDED'
  | 'HOURS_CONFIRMED'
  | 'IN_PROGRESS'
  | 'PUBLISHED'
  | 'RECRUITING'
  | 'SUBMITTED';

/** What every transition takes. */
export type TransitionInput = {
  expectedVersion: number;
  id: string | number;
  idempotencyKey: string;
  reason?: string | null | undefined;
};

export type TriageReportInput = {
  expectedVersion: number;
  householdId?: string | number | null | undefined;
  id: string | number;
  idempotencyKey: string;
  ownerId?: string | number | null | undefined;
  stationId?: string | number | null | undefined;
};

export type UpdateVisitInput = {
  danger?: boolean;
  expectedVersion: number;
  /** The answers that were changed, by item code. */
  findings?: unknown;
  /** When it was entered, by the device's clock. */
  happenedAt?: string | null | undefined;
  id: string | number;
  idempotencyKey: string;
  kind?: VisitKind | null | undefined;
  minutes?: number | null | undefined;
  performedAt?: string | null | undefined;
  summary?: string | null | undefined;
  withWorkerId?: string | number | null | undefined;
  workerId?: string | number | null | undefined;
};

export type Urgency =
  | 'U1'
  | 'U2'
  | 'U3'
  | 'U4';

export type VerifyNeedInput = {
  approvalCapFen?: number | null | undefined;
  /** The visit or document it rests on. */
  evidence: string;
  expectedVersion: number;
  id: string | number;
  idempotencyKey: string;
};

export type VerifyReportInput = {
  expectedVersion: number;
  findings: string;
  id: string | number;
  idempotencyKey: string;
  visitedAt: string;
};

export type VerifyVisitInput = {
  expectedVersion: number;
  how: VisitCheck;
  id: string | number;
  idempotencyKey: string;
  reason?: string | null | undefined;
};

export type VisitCheck =
  | 'ACCOMPANIED'
  | 'DOCUMENTS'
  | 'PHONE'
  | 'SECOND_VISIT';

export type VisitKind =
  | 'HOME'
  | 'JOINT'
  | 'OFFICE'
  | 'PHONE'
  | 'VIDEO';

export type VisitState =
  | 'CANCELLED'
  | 'DONE'
  | 'EXCUSED'
  | 'MISSED'
  | 'RESCHEDULED'
  | 'SCHEDULED'
  | 'VERIFIED';

export type AcceptReferralMutationVariables = Exact<{
  input: AcceptReferralInput;
}>;


export type AcceptReferralMutation = { deed:
    | { __typename: 'Referral', id: string, state: ReferralState, version: number }
    | { __typename: 'Refusal', code: ErrorCode, message: string, field: string | null, details: unknown }
   | null };

export type RejectReferralMutationVariables = Exact<{
  input: RejectReferralInput;
}>;


export type RejectReferralMutation = { deed:
    | { __typename: 'Referral', id: string, state: ReferralState, version: number }
    | { __typename: 'Refusal', code: ErrorCode, message: string, field: string | null, details: unknown }
   | null };

export type StartReferralMutationVariables = Exact<{
  input: TransitionInput;
}>;


export type StartReferralMutation = { deed:
    | { __typename: 'Referral', id: string, state: ReferralState, version: number }
    | { __typename: 'Refusal', code: ErrorCode, message: string, field: string | null, details: unknown }
   | null };

export type CompleteReferralMutationVariables = Exact<{
  input: CompleteReferralInput;
}>;


export type CompleteReferralMutation = { deed:
    | { __typename: 'Referral', id: string, state: ReferralState, version: number }
    | { __typename: 'Refusal', code: ErrorCode, message: string, field: string | null, details: unknown }
   | null };

export type ConfirmOutcomeMutationVariables = Exact<{
  input: ConfirmOutcomeInput;
}>;


export type ConfirmOutcomeMutation = { deed:
    | { __typename: 'Referral', id: string, state: ReferralState, version: number }
    | { __typename: 'Refusal', code: ErrorCode, message: string, field: string | null, details: unknown }
   | null };

export type AcceptPledgeMutationVariables = Exact<{
  input: TransitionInput;
}>;


export type AcceptPledgeMutation = { deed:
    | { __typename: 'Pledge', id: string, state: PledgeState, version: number }
    | { __typename: 'Refusal', code: ErrorCode, message: string, field: string | null, details: unknown }
   | null };

export type RejectPledgeMutationVariables = Exact<{
  input: TransitionInput;
}>;


export type RejectPledgeMutation = { deed:
    | { __typename: 'Pledge', id: string, state: PledgeState, version: number }
    | { __typename: 'Refusal', code: ErrorCode, message: string, field: string | null, details: unknown }
   | null };

export type ReleasePledgeMutationVariables = Exact<{
  input: TransitionInput;
}>;


export type ReleasePledgeMutation = { deed:
    | { __typename: 'Pledge', id: string, state: PledgeState, version: number }
    | { __typename: 'Refusal', code: ErrorCode, message: string, field: string | null, details: unknown }
   | null };

export type KeepPledgeMutationVariables = Exact<{
  input: TransitionInput;
}>;


export type KeepPledgeMutation = { deed:
    | { __typename: 'Pledge', id: string, state: PledgeState, version: number }
    | { __typename: 'Refusal', code: ErrorCode, message: string, field: string | null, details: unknown }
   | null };

export type AcknowledgeDeliveryMutationVariables = Exact<{
  input: AcknowledgeDeliveryInput;
}>;


export type AcknowledgeDeliveryMutation = { deed:
    | { __typename: 'Delivery', id: string, state: DeliveryState, version: number }
    | { __typename: 'Refusal', code: ErrorCode, message: string, field: string | null, details: unknown }
   | null };

export type DisputeDeliveryMutationVariables = Exact<{
  input: TransitionInput;
}>;


export type DisputeDeliveryMutation = { deed:
    | { __typename: 'Delivery', id: string, state: DeliveryState, version: number }
    | { __typename: 'Refusal', code: ErrorCode, message: string, field: string | null, details: unknown }
   | null };

export type ReadFeedbackMutationVariables = Exact<{
  input: TransitionInput;
}>;


export type ReadFeedbackMutation = { deed:
    | { __typename: 'Feedback', id: string, state: FeedbackState, version: number }
    | { __typename: 'Refusal', code: ErrorCode, message: string, field: string | null, details: unknown }
   | null };

export type HandleFeedbackMutationVariables = Exact<{
  input: TransitionInput;
}>;


export type HandleFeedbackMutation = { deed:
    | { __typename: 'Feedback', id: string, state: FeedbackState, version: number }
    | { __typename: 'Refusal', code: ErrorCode, message: string, field: string | null, details: unknown }
   | null };

export type VerifyNeedMutationVariables = Exact<{
  input: VerifyNeedInput;
}>;


export type VerifyNeedMutation = { deed:
    | { __typename: 'Need', id: string, state: NeedState, version: number }
    | { __typename: 'Refusal', code: ErrorCode, message: string, field: string | null, details: unknown }
   | null };

export type ReturnNeedMutationVariables = Exact<{
  input: TransitionInput;
}>;


export type ReturnNeedMutation = { deed:
    | { __typename: 'Need', id: string, state: NeedState, version: number }
    | { __typename: 'Refusal', code: ErrorCode, message: string, field: string | null, details: unknown }
   | null };

export type RejectNeedMutationVariables = Exact<{
  input: TransitionInput;
}>;


export type RejectNeedMutation = { deed:
    | { __typename: 'Need', id: string, state: NeedState, version: number }
    | { __typename: 'Refusal', code: ErrorCode, message: string, field: string | null, details: unknown }
   | null };

export type TriageReportMutationVariables = Exact<{
  input: TriageReportInput;
}>;


export type TriageReportMutation = { deed:
    | { __typename: 'DiscoveryReport', id: string, state: ReportState, version: number }
    | { __typename: 'Refusal', code: ErrorCode, message: string, field: string | null, details: unknown }
   | null };

export type RecordFirstContactMutationVariables = Exact<{
  input: RecordFirstContactInput;
}>;


export type RecordFirstContactMutation = { deed:
    | { __typename: 'DiscoveryReport', id: string, state: ReportState, version: number }
    | { __typename: 'Refusal', code: ErrorCode, message: string, field: string | null, details: unknown }
   | null };

export type VerifyReportMutationVariables = Exact<{
  input: VerifyReportInput;
}>;


export type VerifyReportMutation = { deed:
    | { __typename: 'DiscoveryReport', id: string, state: ReportState, version: number }
    | { __typename: 'Refusal', code: ErrorCode, message: string, field: string | null, details: unknown }
   | null };

export type PerformVisitMutationVariables = Exact<{
  input: PerformVisitInput;
}>;


export type PerformVisitMutation = { deed:
    | { __typename: 'Refusal', code: ErrorCode, message: string, field: string | null, details: unknown }
    | { __typename: 'Visit', id: string, state: VisitState, version: number }
   | null };

export type RecordVisitMutationVariables = Exact<{
  input: RecordVisitInput;
}>;


export type RecordVisitMutation = { deed:
    | { __typename: 'Refusal', code: ErrorCode, message: string, field: string | null, details: unknown }
    | { __typename: 'Visit', id: string, state: VisitState, version: number }
   | null };

export type RescheduleVisitMutationVariables = Exact<{
  input: RescheduleVisitInput;
}>;


export type RescheduleVisitMutation = { deed:
    | { __typename: 'Refusal', code: ErrorCode, message: string, field: string | null, details: unknown }
    | { __typename: 'Visit', id: string, state: VisitState, version: number }
   | null };

export type ExcuseVisitMutationVariables = Exact<{
  input: TransitionInput;
}>;


export type ExcuseVisitMutation = { deed:
    | { __typename: 'Refusal', code: ErrorCode, message: string, field: string | null, details: unknown }
    | { __typename: 'Visit', id: string, state: VisitState, version: number }
   | null };

export type MissVisitMutationVariables = Exact<{
  input: TransitionInput;
}>;


export type MissVisitMutation = { deed:
    | { __typename: 'Refusal', code: ErrorCode, message: string, field: string | null, details: unknown }
    | { __typename: 'Visit', id: string, state: VisitState, version: number }
   | null };

export type AnswerDangerMutationVariables = Exact<{
  input: TransitionInput;
}>;


export type AnswerDangerMutation = { deed:
    | { __typename: 'Refusal', code: ErrorCode, message: string, field: string | null, details: unknown }
    | { __typename: 'Visit', id: string, state: VisitState, version: number }
   | null };

export type VerifyVisitMutationVariables = Exact<{
  input: VerifyVisitInput;
}>;


export type VerifyVisitMutation = { deed:
    | { __typename: 'Refusal', code: ErrorCode, message: string, field: string | null, details: unknown }
    | { __typename: 'Visit', id: string, state: VisitState, version: number }
   | null };

export type CreateCaseNoteMutationVariables = Exact<{
  input: CreateCaseNoteInput;
}>;


export type CreateCaseNoteMutation = { deed:
    | { __typename: 'CaseNote', id: string, state: NoteState, version: number }
    | { __typename: 'Refusal', code: ErrorCode, message: string, field: string | null, details: unknown }
   | null };

export type CreateAssessmentMutationVariables = Exact<{
  input: CreateAssessmentInput;
}>;


export type CreateAssessmentMutation = { deed:
    | { __typename: 'Assessment', id: string, state: AssessmentState, version: number }
    | { __typename: 'Refusal', code: ErrorCode, message: string, field: string | null, details: unknown }
   | null };

export type CompleteAssessmentMutationVariables = Exact<{
  input: TransitionInput;
}>;


export type CompleteAssessmentMutation = { deed:
    | { __typename: 'Assessment', id: string, state: AssessmentState, version: number }
    | { __typename: 'Refusal', code: ErrorCode, message: string, field: string | null, details: unknown }
   | null };

export type CountersignAssessmentMutationVariables = Exact<{
  input: TransitionInput;
}>;


export type CountersignAssessmentMutation = { deed:
    | { __typename: 'Assessment', id: string, state: AssessmentState, version: number }
    | { __typename: 'Refusal', code: ErrorCode, message: string, field: string | null, details: unknown }
   | null };

export type ApprovePlanMutationVariables = Exact<{
  input: TransitionInput;
}>;


export type ApprovePlanMutation = { deed:
    | { __typename: 'CasePlan', id: string, state: PlanState, version: number }
    | { __typename: 'Refusal', code: ErrorCode, message: string, field: string | null, details: unknown }
   | null };

export type ReturnPlanMutationVariables = Exact<{
  input: TransitionInput;
}>;


export type ReturnPlanMutation = { deed:
    | { __typename: 'CasePlan', id: string, state: PlanState, version: number }
    | { __typename: 'Refusal', code: ErrorCode, message: string, field: string | null, details: unknown }
   | null };

export type BeginAssessmentMutationVariables = Exact<{
  input: TransitionInput;
}>;


export type BeginAssessmentMutation = { deed:
    | { __typename: 'Case', id: string, state: CaseState, version: number }
    | { __typename: 'Refusal', code: ErrorCode, message: string, field: string | null, details: unknown }
   | null };

export type BeginPlanningMutationVariables = Exact<{
  input: BeginPlanningInput;
}>;


export type BeginPlanningMutation = { deed:
    | { __typename: 'Case', id: string, state: CaseState, version: number }
    | { __typename: 'Refusal', code: ErrorCode, message: string, field: string | null, details: unknown }
   | null };

export type CloseCaseMutationVariables = Exact<{
  input: TransitionInput;
}>;


export type CloseCaseMutation = { deed:
    | { __typename: 'Case', id: string, state: CaseState, version: number }
    | { __typename: 'Refusal', code: ErrorCode, message: string, field: string | null, details: unknown }
   | null };

export type SignCaseNoteMutationVariables = Exact<{
  input: TransitionInput;
}>;


export type SignCaseNoteMutation = { deed:
    | { __typename: 'CaseNote', id: string, state: NoteState, version: number }
    | { __typename: 'Refusal', code: ErrorCode, message: string, field: string | null, details: unknown }
   | null };

export type AdoptEditMutationVariables = Exact<{
  input: TransitionInput;
}>;


export type AdoptEditMutation = { deed:
    | { __typename: 'FieldEdit', id: string, state: EditState, version: number }
    | { __typename: 'Refusal', code: ErrorCode, message: string, field: string | null, details: unknown }
   | null };

export type SetEditAsideMutationVariables = Exact<{
  input: TransitionInput;
}>;


export type SetEditAsideMutation = { deed:
    | { __typename: 'FieldEdit', id: string, state: EditState, version: number }
    | { __typename: 'Refusal', code: ErrorCode, message: string, field: string | null, details: unknown }
   | null };

export type CreateReferralMutationVariables = Exact<{
  input: CreateReferralInput;
}>;


export type CreateReferralMutation = { deed:
    | { __typename: 'Referral', id: string, state: ReferralState, version: number }
    | { __typename: 'Refusal', code: ErrorCode, message: string, field: string | null, details: unknown }
   | null };

export type SendReferralMutationVariables = Exact<{
  input: TransitionInput;
}>;


export type SendReferralMutation = { deed:
    | { __typename: 'Referral', id: string, state: ReferralState, version: number }
    | { __typename: 'Refusal', code: ErrorCode, message: string, field: string | null, details: unknown }
   | null };

export type SubmitVolunteerTaskMutationVariables = Exact<{
  input: TransitionInput;
}>;


export type SubmitVolunteerTaskMutation = { deed:
    | { __typename: 'Refusal', code: ErrorCode, message: string, field: string | null, details: unknown }
    | { __typename: 'VolunteerTask', id: string, state: TaskState, version: number }
   | null };

export type PublishVolunteerTaskMutationVariables = Exact<{
  input: TransitionInput;
}>;


export type PublishVolunteerTaskMutation = { deed:
    | { __typename: 'Refusal', code: ErrorCode, message: string, field: string | null, details: unknown }
    | { __typename: 'VolunteerTask', id: string, state: TaskState, version: number }
   | null };

export type ReturnVolunteerTaskMutationVariables = Exact<{
  input: TransitionInput;
}>;


export type ReturnVolunteerTaskMutation = { deed:
    | { __typename: 'Refusal', code: ErrorCode, message: string, field: string | null, details: unknown }
    | { __typename: 'VolunteerTask', id: string, state: TaskState, version: number }
   | null };

export type OpenRecruitmentMutationVariables = Exact<{
  input: TransitionInput;
}>;


export type OpenRecruitmentMutation = { deed:
    | { __typename: 'Refusal', code: ErrorCode, message: string, field: string | null, details: unknown }
    | { __typename: 'VolunteerTask', id: string, state: TaskState, version: number }
   | null };

export type StartVolunteerTaskMutationVariables = Exact<{
  input: TransitionInput;
}>;


export type StartVolunteerTaskMutation = { deed:
    | { __typename: 'Refusal', code: ErrorCode, message: string, field: string | null, details: unknown }
    | { __typename: 'VolunteerTask', id: string, state: TaskState, version: number }
   | null };

export type EndVolunteerTaskMutationVariables = Exact<{
  input: TransitionInput;
}>;


export type EndVolunteerTaskMutation = { deed:
    | { __typename: 'Refusal', code: ErrorCode, message: string, field: string | null, details: unknown }
    | { __typename: 'VolunteerTask', id: string, state: TaskState, version: number }
   | null };

export type ConfirmTaskHoursMutationVariables = Exact<{
  input: TransitionInput;
}>;


export type ConfirmTaskHoursMutation = { deed:
    | { __typename: 'Refusal', code: ErrorCode, message: string, field: string | null, details: unknown }
    | { __typename: 'VolunteerTask', id: string, state: TaskState, version: number }
   | null };

export type CloseVolunteerTaskMutationVariables = Exact<{
  input: TransitionInput;
}>;


export type CloseVolunteerTaskMutation = { deed:
    | { __typename: 'Refusal', code: ErrorCode, message: string, field: string | null, details: unknown }
    | { __typename: 'VolunteerTask', id: string, state: TaskState, version: number }
   | null };

export type CancelVolunteerTaskMutationVariables = Exact<{
  input: TransitionInput;
}>;


export type CancelVolunteerTaskMutation = { deed:
    | { __typename: 'Refusal', code: ErrorCode, message: string, field: string | null, details: unknown }
    | { __typename: 'VolunteerTask', id: string, state: TaskState, version: number }
   | null };

export type ConfirmSignupMutationVariables = Exact<{
  input: TransitionInput;
}>;


export type ConfirmSignupMutation = { deed:
    | { __typename: 'Refusal', code: ErrorCode, message: string, field: string | null, details: unknown }
    | { __typename: 'Signup', id: string, state: SignupState, version: number }
   | null };

export type DeclineSignupMutationVariables = Exact<{
  input: TransitionInput;
}>;


export type DeclineSignupMutation = { deed:
    | { __typename: 'Refusal', code: ErrorCode, message: string, field: string | null, details: unknown }
    | { __typename: 'Signup', id: string, state: SignupState, version: number }
   | null };

export type MarkNoShowMutationVariables = Exact<{
  input: TransitionInput;
}>;


export type MarkNoShowMutation = { deed:
    | { __typename: 'Refusal', code: ErrorCode, message: string, field: string | null, details: unknown }
    | { __typename: 'Signup', id: string, state: SignupState, version: number }
   | null };

export type CheckInMutationVariables = Exact<{
  input: CheckInInput;
}>;


export type CheckInMutation = { deed:
    | { __typename: 'CheckIn', id: string, state: CheckInState, version: number }
    | { __typename: 'Refusal', code: ErrorCode, message: string, field: string | null, details: unknown }
   | null };

export type CheckOutMutationVariables = Exact<{
  input: CheckOutInput;
}>;


export type CheckOutMutation = { deed:
    | { __typename: 'CheckIn', id: string, state: CheckInState, version: number }
    | { __typename: 'Refusal', code: ErrorCode, message: string, field: string | null, details: unknown }
   | null };

export type AttendanceCodeMutationVariables = Exact<{
  input: AttendanceCodeInput;
}>;


export type AttendanceCodeMutation = { deed:
    | { __typename: 'AttendanceCode', signIn: string, signOut: string, signInQr: string, signOutQr: string, changesAt: string }
    | { __typename: 'Refusal', code: ErrorCode, message: string, field: string | null, details: unknown }
   | null };

export type UpdateVisitMutationVariables = Exact<{
  input: UpdateVisitInput;
}>;


export type UpdateVisitMutation = { deed:
    | { __typename: 'Refusal', code: ErrorCode, message: string, field: string | null, details: unknown }
    | { __typename: 'Visit', id: string, state: VisitState, version: number }
   | null };

export type RequestPictureMutationVariables = Exact<{
  input: RequestPictureInput;
}>;


export type RequestPictureMutation = { deed:
    | { __typename: 'Refusal', code: ErrorCode, message: string, field: string | null, details: unknown }
    | { __typename: 'VisitPicture', id: string, url: string | null, version: number, pictureState: PictureState }
   | null };

export type OpenPictureMutationVariables = Exact<{
  input: OpenPictureInput;
}>;


export type OpenPictureMutation = { deed:
    | { __typename: 'PictureView', id: string, url: string }
    | { __typename: 'Refusal', code: ErrorCode, message: string, field: string | null, details: unknown }
   | null };

export type SubmitAcceptanceMutationVariables = Exact<{
  input: SubmitAcceptanceInput;
}>;


export type SubmitAcceptanceMutation = { deed:
    | { __typename: 'Acceptance', id: string, state: AcceptanceState, version: number }
    | { __typename: 'Refusal', code: ErrorCode, message: string, field: string | null, details: unknown }
   | null };

export type RequestUploadMutationVariables = Exact<{
  input: RequestUploadInput;
}>;


export type RequestUploadMutation = { deed:
    | { __typename: 'Refusal', code: ErrorCode, message: string, field: string | null, details: unknown }
    | { __typename: 'Upload', id: string, url: string | null, contentType: string, maxBytes: number }
   | null };

export type ImportUploadedMutationVariables = Exact<{
  input: ImportUploadedInput;
}>;


export type ImportUploadedMutation = { deed:
    | { __typename: 'ImportRun', id: string, version: number }
    | { __typename: 'Refusal', code: ErrorCode, message: string, field: string | null, details: unknown }
   | null };

export type PrintPaperMutationVariables = Exact<{
  input: PrintPaperInput;
}>;


export type PrintPaperMutation = { deed:
    | { __typename: 'Printout', id: string, url: string }
    | { __typename: 'Refusal', code: ErrorCode, message: string, field: string | null, details: unknown }
   | null };

export type MeQueryVariables = Exact<{ [key: string]: never; }>;


export type MeQuery = { viewer: { id: string, name: string, username: string | null, role: Role, organization: { id: string, name: string } | null, area: { code: string, name: string } | null } | null };

export type StationsQueryVariables = Exact<{
  area?: string | null | undefined;
}>;


export type StationsQuery = { stations: { nodes: Array<{ id: string, no: string, name: string, level: StationLevel, area: { code: string, name: string } | null }> } };

export type CodesQueryVariables = Exact<{
  after?: string | null | undefined;
}>;


export type CodesQuery = { codeEntries: { nodes: Array<{ listName: string, code: string, labelZhHans: string, labelZhHant: string, labelEn: string, position: number }>, pageInfo: { hasNextPage: boolean, endCursor: string | null } } };

export type TodayQueryVariables = Exact<{
  after?: string | null | undefined;
}>;


export type TodayQuery = { waitingForMe: { hasMore: boolean, endCursor: string | null, items: Array<{ kind: string, sentence: string, no: string | null, urgency: Urgency, dueAt: string | null, overdue: boolean, sinceAt: string, node:
        | { __typename: 'Acceptance', id: string }
        | { __typename: 'AcceptanceDeduction', id: string }
        | { __typename: 'AcceptanceEvent', id: string }
        | { __typename: 'AcceptanceLine', id: string }
        | { __typename: 'AcceptedFact', id: string }
        | { __typename: 'AccessToken', id: string }
        | { __typename: 'Account', id: string }
        | { __typename: 'Alert', id: string }
        | { __typename: 'Allocation', id: string }
        | { __typename: 'AllocationMove', id: string }
        | { __typename: 'ApiClient', id: string }
        | { __typename: 'Area', id: string }
        | { __typename: 'Assessment', version: number, allowedActions: Array<string>, id: string, area: { name: string } | null }
        | { __typename: 'AssistanceStandard', id: string }
        | { __typename: 'Attestation', id: string }
        | { __typename: 'AttestationEvent', id: string }
        | { __typename: 'AuthorityReply', id: string }
        | { __typename: 'Award', id: string }
        | { __typename: 'Bid', id: string }
        | { __typename: 'BudgetAdjustment', id: string }
        | { __typename: 'BudgetEntry', id: string }
        | { __typename: 'BudgetJournal', id: string }
        | { __typename: 'BudgetLine', id: string }
        | { __typename: 'BudgetLineEvent', id: string }
        | { __typename: 'Case', version: number, allowedActions: Array<string>, id: string, caseNo: string, area: { name: string } | null }
        | { __typename: 'CaseConference', id: string }
        | { __typename: 'CaseEvaluation', id: string }
        | { __typename: 'CaseEvent', id: string }
        | { __typename: 'CaseNote', id: string }
        | { __typename: 'CaseParticipant', id: string }
        | { __typename: 'CasePlan', version: number, allowedActions: Array<string>, id: string, case: { id: string, no: string, area: { name: string } | null } | null }
        | { __typename: 'CaseStep', id: string }
        | { __typename: 'CatalogueItem', id: string }
        | { __typename: 'CatalogueItemEvent', id: string }
        | { __typename: 'Certificate', id: string }
        | { __typename: 'CertificateEvent', id: string }
        | { __typename: 'CertificatePaper', id: string }
        | { __typename: 'ChangeReport', id: string }
        | { __typename: 'CharityProject', id: string }
        | { __typename: 'CheckIn', id: string }
        | { __typename: 'ClientDocument', id: string }
        | { __typename: 'ClientFeedback', id: string }
        | { __typename: 'ClientKey', id: string }
        | { __typename: 'CodeEntry', id: string }
        | { __typename: 'ConferenceDecision', id: string }
        | { __typename: 'ConferenceException', id: string }
        | { __typename: 'ConferenceParty', id: string }
        | { __typename: 'Consent', expiresOn: string, version: number, allowedActions: Array<string>, id: string }
        | { __typename: 'ContactAttempt', id: string }
        | { __typename: 'ContactReveal', id: string }
        | { __typename: 'Contract', id: string }
        | { __typename: 'ContractAmendment', id: string }
        | { __typename: 'ContractItem', id: string }
        | { __typename: 'ContractTarget', id: string }
        | { __typename: 'ContractingDocument', id: string }
        | { __typename: 'ContractingFinding', id: string }
        | { __typename: 'ContractingProcess', id: string }
        | { __typename: 'Contribution', id: string }
        | { __typename: 'CustodyStep', id: string }
        | { __typename: 'Delivery', quantity: string, deliveredOn: string, version: number, allowedActions: Array<string>, id: string, organization: { name: string } | null, need: { title: string | null, area: { name: string } | null, shownArea: { name: string } | null } | null, pledge: { line: { item: string, unit: string } | null } | null }
        | { __typename: 'DiscoveryEvent', id: string }
        | { __typename: 'DiscoveryReport', situation: string | null, danger: boolean, version: number, allowedActions: Array<string>, id: string, area: { name: string } | null }
        | { __typename: 'DuplicateSuspicion', id: string }
        | { __typename: 'EmergencyEvent', id: string }
        | { __typename: 'Evaluation', id: string }
        | { __typename: 'EvaluationAddendum', id: string }
        | { __typename: 'EvaluationEvent', id: string }
        | { __typename: 'EvaluationSample', id: string }
        | { __typename: 'EvaluationScheme', id: string }
        | { __typename: 'EvaluationScore', id: string }
        | { __typename: 'ExchangeMessage', id: string }
        | { __typename: 'ExchangePartner', id: string }
        | { __typename: 'Export', id: string }
        | { __typename: 'Feedback', rating: number | null, text: string | null, wantsCallBack: boolean | null, version: number, allowedActions: Array<string>, id: string, need: { title: string | null, area: { name: string } | null, shownArea: { name: string } | null } | null }
        | { __typename: 'FieldEdit', id: string }
        | { __typename: 'Gap', category: string, version: number, allowedActions: Array<string>, id: string, area: { name: string } | null }
        | { __typename: 'Goal', id: string }
        | { __typename: 'GuardianConsent', id: string }
        | { __typename: 'HelpOverride', id: string }
        | { __typename: 'HotlineReply', id: string }
        | { __typename: 'HoursBooking', id: string }
        | { __typename: 'Household', id: string }
        | { __typename: 'ImportProfile', id: string }
        | { __typename: 'ImportRun', id: string }
        | { __typename: 'Instrument', id: string }
        | { __typename: 'Invoice', id: string }
        | { __typename: 'Milestone', id: string }
        | { __typename: 'MissingNotice', id: string }
        | { __typename: 'Need', category: string, version: number, allowedActions: Array<string>, id: string, title: string | null, area: { name: string } | null, shownArea: { name: string } | null }
        | { __typename: 'NeedEvent', id: string }
        | { __typename: 'NeedLine', id: string }
        | { __typename: 'Obligation', details: unknown, version: number, allowedActions: Array<string>, id: string, area: { name: string } | null }
        | { __typename: 'Offer', id: string }
        | { __typename: 'OpeningSchedule', id: string }
        | { __typename: 'Organization', id: string }
        | { __typename: 'OrganizationTie', id: string }
        | { __typename: 'Pairing', id: string }
        | { __typename: 'PairingContact', id: string }
        | { __typename: 'Parameter', id: string }
        | { __typename: 'Payment', id: string }
        | { __typename: 'PaymentEvent', id: string }
        | { __typename: 'PictureView', id: string }
        | { __typename: 'PlanReview', id: string }
        | { __typename: 'Pledge', quantity: string, version: number, allowedActions: Array<string>, id: string, organization: { name: string } | null, line: { item: string, unit: string } | null, need: { title: string | null, area: { name: string } | null, shownArea: { name: string } | null } | null }
        | { __typename: 'Printout', id: string }
        | { __typename: 'Procurement', id: string }
        | { __typename: 'ProcurementItem', id: string }
        | { __typename: 'ProposedMeasure', id: string }
        | { __typename: 'Qualification', id: string }
        | { __typename: 'Recipient', id: string }
        | { __typename: 'Recognition', id: string }
        | { __typename: 'RecognitionEvent', id: string }
        | { __typename: 'Rectification', id: string }
        | { __typename: 'Referral', title: string | null, version: number, allowedActions: Array<string>, id: string, shownArea: { name: string } | null }
        | { __typename: 'ReferralEvent', id: string }
        | { __typename: 'ReferralLine', id: string }
        | { __typename: 'Relaxation', id: string }
        | { __typename: 'ReportSnapshot', id: string }
        | { __typename: 'Reveal', id: string }
        | { __typename: 'RosterEntry', id: string }
        | { __typename: 'SampleItem', id: string }
        | { __typename: 'SchemeIndicator', id: string }
        | { __typename: 'SelfApproval', id: string }
        | { __typename: 'ServiceFact', id: string }
        | { __typename: 'ServiceRecord', id: string }
        | { __typename: 'ServiceRecordEvent', id: string }
        | { __typename: 'Signup', id: string }
        | { __typename: 'Station', id: string }
        | { __typename: 'SupplierAdmission', id: string }
        | { __typename: 'SupplierList', id: string }
        | { __typename: 'SupplierStanding', id: string }
        | { __typename: 'TaskLink', id: string }
        | { __typename: 'TaskPosition', id: string }
        | { __typename: 'Team', id: string }
        | { __typename: 'TeamMembership', id: string }
        | { __typename: 'TrainingRecord', id: string }
        | { __typename: 'Tranche', id: string }
        | { __typename: 'Upload', id: string }
        | { __typename: 'Visit', tier: RiskTier | null, windowFrom: string, windowTo: string, version: number, allowedActions: Array<string>, id: string, household: { no: string, area: { name: string } | null } | null }
        | { __typename: 'VisitChecklist', id: string }
        | { __typename: 'VisitPicture', id: string }
        | { __typename: 'VisitPlan', id: string }
        | { __typename: 'Volunteer', id: string }
        | { __typename: 'VolunteerTask', id: string }
        | { __typename: 'WebhookDelivery', id: string }
        | { __typename: 'WebhookEndpoint', id: string }
        | { __typename: 'Worker', id: string }
       | null }> } };

export type ReferralsQueryVariables = Exact<{
  after?: string | null | undefined;
  states?: Array<ReferralState> | ReferralState | null | undefined;
}>;


export type ReferralsQuery = { referrals: { nodes: Array<{ __typename: 'Referral', id: string, no: string, direction: ReferralDirection, state: ReferralState, urgency: Urgency, category: string | null, title: string | null, summary: string | null, capacityWarning: boolean, plannedOn: string | null, sentAt: string | null, ackDueAt: string | null, acceptedAt: string | null, rejectReason: string | null, outcomeDueAt: string | null, outcome: string | null, overdue: boolean, closedLoop: boolean, openClasses: Array<string>, recipientAlias: string | null, birthYear: number | null, gender: Gender | null, householdSize: number | null, livingCondition: string | null, note: string | null, stateReason: string | null, version: number, allowedActions: Array<string>, shownArea: { name: string } | null, fromOrganization: { name: string } | null, toOrganization: { name: string } | null, fromStation: { id: string, name: string } | null, toStation: { id: string, name: string } | null, lines: { nodes: Array<{ id: string, kind: NeedKind, item: string | null, quantity: string | null, unit: string }> } }>, pageInfo: { hasNextPage: boolean, endCursor: string | null } } };

export type BoardQueryVariables = Exact<{
  after?: string | null | undefined;
  area?: string | null | undefined;
}>;


export type BoardQuery = { needs: { nodes: Array<{ __typename: 'Need', id: string, no: string, publicTitle: string | null, publicSummary: string | null, category: string, urgency: Urgency, state: NeedState, coverage: Coverage, neededBy: string | null, version: number, allowedActions: Array<string>, shownArea: { name: string } | null, area: { name: string } | null, station: { id: string, name: string } | null, lines: { nodes: Array<{ id: string, kind: NeedKind, item: string, unit: string, quantityRequired: string | null, openQuantity: string | null, suggestions: Array<{ score: number, alreadyHelped: boolean, available: string | null, offer: { id: string, title: string, organization: { name: string } | null } | null, reasons: Array<{ code: string, points: number, text: string }> }> }> }, pledges: { nodes: Array<{ __typename: 'Pledge', id: string, no: string, quantity: string, plannedOn: string | null, note: string | null, state: PledgeState, version: number, allowedActions: Array<string>, organization: { name: string } | null, line: { id: string, item: string, unit: string } | null }> } }>, pageInfo: { hasNextPage: boolean, endCursor: string | null } } };

export type WorksetQueryVariables = Exact<{
  since?: string | null | undefined;
}>;


export type WorksetQuery = { syncWorkset: { nextCursor: string, hasMore: boolean, complete: boolean, entries: Array<{ objectType: string, objectId: string, removed: boolean, householdId: string | null, parentId: string | null, node:
        | { __typename: 'Acceptance', id: string }
        | { __typename: 'AcceptanceDeduction', id: string }
        | { __typename: 'AcceptanceEvent', id: string }
        | { __typename: 'AcceptanceLine', id: string }
        | { __typename: 'AcceptedFact', id: string }
        | { __typename: 'AccessToken', id: string }
        | { __typename: 'Account', id: string }
        | { __typename: 'Alert', id: string }
        | { __typename: 'Allocation', id: string }
        | { __typename: 'AllocationMove', id: string }
        | { __typename: 'ApiClient', id: string }
        | { __typename: 'Area', id: string }
        | { __typename: 'Assessment', no: string, assessedOn: string, answers: unknown, remarks: string | null, score: string | null, dimensionScores: unknown, countersignNeeded: boolean, countersignedAt: string | null, version: number, allowedActions: Array<string>, id: string, tier: RiskTier | null, assessmentState: AssessmentState }
        | { __typename: 'AssistanceStandard', id: string }
        | { __typename: 'Attestation', id: string }
        | { __typename: 'AttestationEvent', id: string }
        | { __typename: 'AuthorityReply', id: string }
        | { __typename: 'Award', id: string }
        | { __typename: 'Bid', id: string }
        | { __typename: 'BudgetAdjustment', id: string }
        | { __typename: 'BudgetEntry', id: string }
        | { __typename: 'BudgetJournal', id: string }
        | { __typename: 'BudgetLine', id: string }
        | { __typename: 'BudgetLineEvent', id: string }
        | { __typename: 'Case', no: string, caseType: CaseType, opening: string | null, stageAt: string, reviewDueAt: string | null, reviewOverdue: boolean, version: number, allowedActions: Array<string>, id: string, caseState: CaseState, tier: RiskTier | null }
        | { __typename: 'CaseConference', id: string }
        | { __typename: 'CaseEvaluation', id: string }
        | { __typename: 'CaseEvent', id: string }
        | { __typename: 'CaseNote', level: NoteLevel, text: string, happenedAt: string, version: number, id: string, noteState: NoteState, author: { name: string } | null }
        | { __typename: 'CaseParticipant', id: string }
        | { __typename: 'CasePlan', number: number, summary: string | null, submittedAt: string | null, approvedAt: string | null, version: number, allowedActions: Array<string>, id: string, planState: PlanState }
        | { __typename: 'CaseStep', id: string }
        | { __typename: 'CatalogueItem', id: string }
        | { __typename: 'CatalogueItemEvent', id: string }
        | { __typename: 'Certificate', id: string }
        | { __typename: 'CertificateEvent', id: string }
        | { __typename: 'CertificatePaper', id: string }
        | { __typename: 'ChangeReport', id: string }
        | { __typename: 'CharityProject', id: string }
        | { __typename: 'CheckIn', id: string }
        | { __typename: 'ClientDocument', id: string }
        | { __typename: 'ClientFeedback', id: string }
        | { __typename: 'ClientKey', id: string }
        | { __typename: 'CodeEntry', id: string }
        | { __typename: 'ConferenceDecision', id: string }
        | { __typename: 'ConferenceException', id: string }
        | { __typename: 'ConferenceParty', id: string }
        | { __typename: 'Consent', id: string }
        | { __typename: 'ContactAttempt', id: string }
        | { __typename: 'ContactReveal', id: string }
        | { __typename: 'Contract', id: string }
        | { __typename: 'ContractAmendment', id: string }
        | { __typename: 'ContractItem', id: string }
        | { __typename: 'ContractTarget', id: string }
        | { __typename: 'ContractingDocument', id: string }
        | { __typename: 'ContractingFinding', id: string }
        | { __typename: 'ContractingProcess', id: string }
        | { __typename: 'Contribution', id: string }
        | { __typename: 'CustodyStep', id: string }
        | { __typename: 'Delivery', id: string }
        | { __typename: 'DiscoveryEvent', id: string }
        | { __typename: 'DiscoveryReport', id: string }
        | { __typename: 'DuplicateSuspicion', id: string }
        | { __typename: 'EmergencyEvent', id: string }
        | { __typename: 'Evaluation', id: string }
        | { __typename: 'EvaluationAddendum', id: string }
        | { __typename: 'EvaluationEvent', id: string }
        | { __typename: 'EvaluationSample', id: string }
        | { __typename: 'EvaluationScheme', id: string }
        | { __typename: 'EvaluationScore', id: string }
        | { __typename: 'ExchangeMessage', id: string }
        | { __typename: 'ExchangePartner', id: string }
        | { __typename: 'Export', id: string }
        | { __typename: 'Feedback', id: string }
        | { __typename: 'FieldEdit', field: string, before: unknown, after: unknown, madeAt: string, version: number, allowedActions: Array<string>, id: string, editState: EditState }
        | { __typename: 'Gap', id: string }
        | { __typename: 'Goal', position: number, measure: string | null, targetOn: string | null, version: number, id: string, goalText: string, goalState: GoalState }
        | { __typename: 'GuardianConsent', id: string }
        | { __typename: 'HelpOverride', id: string }
        | { __typename: 'HotlineReply', id: string }
        | { __typename: 'HoursBooking', id: string }
        | { __typename: 'Household', no: string, size: number, livingCondition: string | null, addressProtected: boolean, version: number, id: string, area: { name: string } | null }
        | { __typename: 'ImportProfile', id: string }
        | { __typename: 'ImportRun', id: string }
        | { __typename: 'Instrument', id: string }
        | { __typename: 'Invoice', id: string }
        | { __typename: 'Milestone', id: string }
        | { __typename: 'MissingNotice', id: string }
        | { __typename: 'Need', no: string, publicTitle: string | null, category: string, urgency: Urgency, coverage: Coverage, neededBy: string | null, version: number, id: string, needState: NeedState }
        | { __typename: 'NeedEvent', id: string }
        | { __typename: 'NeedLine', id: string }
        | { __typename: 'Obligation', id: string }
        | { __typename: 'Offer', id: string }
        | { __typename: 'OpeningSchedule', id: string }
        | { __typename: 'Organization', id: string }
        | { __typename: 'OrganizationTie', id: string }
        | { __typename: 'Pairing', id: string }
        | { __typename: 'PairingContact', id: string }
        | { __typename: 'Parameter', id: string }
        | { __typename: 'Payment', id: string }
        | { __typename: 'PaymentEvent', id: string }
        | { __typename: 'PictureView', id: string }
        | { __typename: 'PlanReview', id: string }
        | { __typename: 'Pledge', id: string }
        | { __typename: 'Printout', id: string }
        | { __typename: 'Procurement', id: string }
        | { __typename: 'ProcurementItem', id: string }
        | { __typename: 'ProposedMeasure', id: string }
        | { __typename: 'Qualification', id: string }
        | { __typename: 'Recipient', no: string, householdRole: string, birthYear: number | null, gender: Gender, disability: Band, labourAbility: Band, version: number, id: string }
        | { __typename: 'Recognition', id: string }
        | { __typename: 'RecognitionEvent', id: string }
        | { __typename: 'Rectification', id: string }
        | { __typename: 'Referral', id: string }
        | { __typename: 'ReferralEvent', id: string }
        | { __typename: 'ReferralLine', id: string }
        | { __typename: 'Relaxation', id: string }
        | { __typename: 'ReportSnapshot', id: string }
        | { __typename: 'Reveal', id: string }
        | { __typename: 'RosterEntry', id: string }
        | { __typename: 'SampleItem', id: string }
        | { __typename: 'SchemeIndicator', id: string }
        | { __typename: 'SelfApproval', id: string }
        | { __typename: 'ServiceFact', id: string }
        | { __typename: 'ServiceRecord', id: string }
        | { __typename: 'ServiceRecordEvent', id: string }
        | { __typename: 'Signup', id: string }
        | { __typename: 'Station', id: string }
        | { __typename: 'SupplierAdmission', id: string }
        | { __typename: 'SupplierList', id: string }
        | { __typename: 'SupplierStanding', id: string }
        | { __typename: 'TaskLink', id: string }
        | { __typename: 'TaskPosition', id: string }
        | { __typename: 'Team', id: string }
        | { __typename: 'TeamMembership', id: string }
        | { __typename: 'TrainingRecord', id: string }
        | { __typename: 'Tranche', id: string }
        | { __typename: 'Upload', id: string }
        | { __typename: 'Visit', no: string, tier: RiskTier | null, windowFrom: string, windowTo: string, dueOn: string, overdue: boolean, followUp: boolean, performedAt: string | null, minutes: number | null, findings: unknown, danger: boolean, changeReported: boolean, version: number, allowedActions: Array<string>, id: string, visitKind: VisitKind, visitSummary: string | null, visitState: VisitState, performer: { name: string } | null }
        | { __typename: 'VisitChecklist', id: string }
        | { __typename: 'VisitPicture', id: string }
        | { __typename: 'VisitPlan', id: string }
        | { __typename: 'Volunteer', id: string }
        | { __typename: 'VolunteerTask', id: string }
        | { __typename: 'WebhookDelivery', id: string }
        | { __typename: 'WebhookEndpoint', id: string }
        | { __typename: 'Worker', id: string }
       | null }> } };

export type FormsQueryVariables = Exact<{ [key: string]: never; }>;


export type FormsQuery = { instruments: { nodes: Array<{ id: string, code: string, revision: number, title: string, content: unknown, validFrom: string, validTo: string | null }> }, visitChecklists: { nodes: Array<{ id: string, code: string, listVersion: number, title: string, items: unknown }> } };

export type TasksQueryVariables = Exact<{
  organization: string | number;
}>;


export type TasksQuery = { volunteerTasks: { nodes: Array<{ id: string, no: string, name: string, summary: string | null, category: string, place: string | null, startsAt: string, endsAt: string, expected: number, insured: boolean, checkInMode: CheckInMode, state: TaskState, full: boolean, version: number, allowedActions: Array<string>, area: { name: string } | null, station: { name: string } | null, positions: { nodes: Array<{ id: string, role: string, slots: number, taken: number }> } }> } };

export type TaskPeopleQueryVariables = Exact<{
  no: string;
  task: string | number;
}>;


export type TaskPeopleQuery = { volunteerTasks: { nodes: Array<{ id: string, checkIns: { nodes: Array<{ id: string, state: CheckInState, checkedInAt: string, checkedOutAt: string | null, version: number, volunteer: { id: string, no: string } | null }> } }> }, signups: { nodes: Array<{ id: string, state: SignupState, place: number | null, version: number, allowedActions: Array<string>, volunteer: { id: string, no: string } | null, position: { role: string } | null }> } };

export type AttendQueryVariables = Exact<{
  no: string;
}>;


export type AttendQuery = { volunteerTasks: { nodes: Array<{ id: string, no: string, name: string, place: string | null, startsAt: string, endsAt: string, state: TaskState, organization: { name: string } | null, checkIns: { nodes: Array<{ id: string, state: CheckInState, checkedInAt: string, checkedOutAt: string | null, version: number }> } }> } };

export type ReceiversQueryVariables = Exact<{
  area?: string | null | undefined;
}>;


export type ReceiversQuery = { stations: { nodes: Array<{ id: string, name: string, area: { name: string } | null, organization: { id: string, name: string } | null }> }, organizations: { nodes: Array<{ id: string, name: string, orgType: OrganizationType, area: { code: string, name: string } | null }> } };

export type NeedConsentQueryVariables = Exact<{
  id: string | number;
}>;


export type NeedConsentQuery = { node:
    | { id: string, consent: { id: string, state: ConsentState, purposes: Array<string>, dataClasses: Array<string>, expiresOn: string } | null }
    | Record<PropertyKey, never>
   | null };

export type VisitPicturesQueryVariables = Exact<{
  id: string | number;
}>;


export type VisitPicturesQuery = { node:
    | { id: string, pictures: { nodes: Array<{ id: string, kind: PictureKind, signer: Signer | null, caption: string | null, takenAt: string, pictureState: PictureState }> } }
    | Record<PropertyKey, never>
   | null };

export type ContractsQueryVariables = Exact<{
  organization: Array<string | number> | string | number;
}>;


export type ContractsQuery = { contracts: { nodes: Array<{ id: string, no: string, title: string, startsOn: string, endsOn: string, valueFen: number, state: ContractState, buyer: { name: string } | null, milestones: { nodes: Array<{ id: string, position: number, kind: MilestoneKind, title: string, dueOn: string, valueFen: number, acceptedFen: number, paidFen: number, openFen: number, state: MilestoneState, version: number, acceptances: { nodes: Array<{ id: string, no: string, round: number, state: AcceptanceState, stateReason: string | null, claimedFen: number, deductionFen: number, acceptedFen: number, fromOn: string, untilOn: string }> } }> } }> } };

export type ImportRunQueryVariables = Exact<{
  id: string | number;
}>;


export type ImportRunQuery = { node:
    | { id: string, state: ImportRunState, dryRun: boolean, failure: string | null, failureMessage: string | null, rowsTotal: number | null, rowsDone: number | null, rowsRead: number | null, created: number | null, updated: number | null, unchanged: number | null, duplicates: number | null, rejected: number | null, problems: number | null, problemsSheetUrl: string | null, preview: unknown }
    | Record<PropertyKey, never>
   | null };

export type ContractProgressQueryVariables = Exact<{
  id: string | number;
}>;


export type ContractProgressQuery = { node:
    | { id: string, progress: Array<{ unit: string, contracted: string, quantityCounted: string, factsCounted: number, householdsReached: number, ratio: string | null, item: { id: string, catalogueItem: { title: string } | null } | null }> }
    | Record<PropertyKey, never>
   | null };

export class TypedDocumentString<TResult, TVariables>
  extends String
  implements DocumentTypeDecoration<TResult, TVariables>
{
  __apiType?: NonNullable<DocumentTypeDecoration<TResult, TVariables>['__apiType']>;
  private value: string;
  public __meta__?: Record<string, any> | undefined;

  constructor(value: string, __meta__?: Record<string, any> | undefined) {
    super(value);
    this.value = value;
    this.__meta__ = __meta__;
  }

  override toString(): string & DocumentTypeDecoration<TResult, TVariables> {
    return this.value;
  }
}

export const AcceptReferralDocument = {"__meta__":{"hash":"sha256:e0201d5391abda40d3aec971063c82dfb01f1cd018109e6fbcbe923c8f27c7c9"}} as unknown as TypedDocumentString<AcceptReferralMutation, AcceptReferralMutationVariables>;
export const RejectReferralDocument = {"__meta__":{"hash":"sha256:604f796e3a87d663c0b102a26f0e33e77807c5cd5cfb84b9f57498baaec96b00"}} as unknown as TypedDocumentString<RejectReferralMutation, RejectReferralMutationVariables>;
export const StartReferralDocument = {"__meta__":{"hash":"sha256:ceea826b1e7e239fea3a78f8da1339ea1c9ab8ff4e0833ae4bbe54c15ab39c81"}} as unknown as TypedDocumentString<StartReferralMutation, StartReferralMutationVariables>;
export const CompleteReferralDocument = {"__meta__":{"hash":"sha256:4047975a7076cddf20ec418b7bcb8586b0e86eb8cf1cb3ce16c5846a2e4cb041"}} as unknown as TypedDocumentString<CompleteReferralMutation, CompleteReferralMutationVariables>;
export const ConfirmOutcomeDocument = {"__meta__":{"hash":"sha256:16a8928063532d32019c571fc6c844ff238c450ea867fc5a86fc6bccfe8c5fb8"}} as unknown as TypedDocumentString<ConfirmOutcomeMutation, ConfirmOutcomeMutationVariables>;
export const AcceptPledgeDocument = {"__meta__":{"hash":"sha256:de7b8f861c7223e163a130eb1d166f63e91cbaad338217f0734ea09f18e94249"}} as unknown as TypedDocumentString<AcceptPledgeMutation, AcceptPledgeMutationVariables>;
export const RejectPledgeDocument = {"__meta__":{"hash":"sha256:c61a182685fa041dbe519d9c170edfef83fc4cc7322596ccbe1730a99cb0b04e"}} as unknown as TypedDocumentString<RejectPledgeMutation, RejectPledgeMutationVariables>;
export const ReleasePledgeDocument = {"__meta__":{"hash":"sha256:93b3bdcf48efa8884b43960c77277a42772e4688ecf96efac58e99e189ee427a"}} as unknown as TypedDocumentString<ReleasePledgeMutation, ReleasePledgeMutationVariables>;
export const KeepPledgeDocument = {"__meta__":{"hash":"sha256:915f70a319421c60b6dfb56ea0970ae1720a80d445d917e7ed1c2d48b63ccfd0"}} as unknown as TypedDocumentString<KeepPledgeMutation, KeepPledgeMutationVariables>;
export const AcknowledgeDeliveryDocument = {"__meta__":{"hash":"sha256:403eb9399f458df31c7c65b48a5796cf4aec7a2a85805d17f9a552fbc99d5367"}} as unknown as TypedDocumentString<AcknowledgeDeliveryMutation, AcknowledgeDeliveryMutationVariables>;
export const DisputeDeliveryDocument = {"__meta__":{"hash":"sha256:7491c2dfb4feaf892c3c6391420ec2fc2952191a18385ae1dcda95b91e802c64"}} as unknown as TypedDocumentString<DisputeDeliveryMutation, DisputeDeliveryMutationVariables>;
export const ReadFeedbackDocument = {"__meta__":{"hash":"sha256:320a8efb3f5c768ea20fba24f316b584fd48023cf95d03ebf5ecb4ff006d7c9b"}} as unknown as TypedDocumentString<ReadFeedbackMutation, ReadFeedbackMutationVariables>;
export const HandleFeedbackDocument = {"__meta__":{"hash":"sha256:ce6dd4d1bf885f6fb5d67a00f50603ccc50813bb402556d8dce6562b02fe0c31"}} as unknown as TypedDocumentString<HandleFeedbackMutation, HandleFeedbackMutationVariables>;
export const VerifyNeedDocument = {"__meta__":{"hash":"sha256:ad09785dd21e4c0396b6ba8e122d8077ead60635476864c2d768c412cacfe955"}} as unknown as TypedDocumentString<VerifyNeedMutation, VerifyNeedMutationVariables>;
export const ReturnNeedDocument = {"__meta__":{"hash":"sha256:dfc042b38af0e7e7b16df9ad968e6e0663f7959f6523d463e44f7633019f67be"}} as unknown as TypedDocumentString<ReturnNeedMutation, ReturnNeedMutationVariables>;
export const RejectNeedDocument = {"__meta__":{"hash":"sha256:91a5ed32016b077ce5586ae457ab4b9d5212b45ff23b0897235ea0357a87ad10"}} as unknown as TypedDocumentString<RejectNeedMutation, RejectNeedMutationVariables>;
export const TriageReportDocument = {"__meta__":{"hash":"sha256:3941cccbeacbd116209c91ee3324a9831dfefbe78a3effdd9b32756338283e05"}} as unknown as TypedDocumentString<TriageReportMutation, TriageReportMutationVariables>;
export const RecordFirstContactDocument = {"__meta__":{"hash":"sha256:4aa1e12cc35f8518b9ee7b37114ac0a40deea4dfe945474e3491a73a22070427"}} as unknown as TypedDocumentString<RecordFirstContactMutation, RecordFirstContactMutationVariables>;
export const VerifyReportDocument = {"__meta__":{"hash":"sha256:ee3c596dce8ecb860b7c7fd28aceb08a7a8b4b86454db177516a7dfadfcf97b9"}} as unknown as TypedDocumentString<VerifyReportMutation, VerifyReportMutationVariables>;
export const PerformVisitDocument = {"__meta__":{"hash":"sha256:570e2c97dd86661ec9bd60ef9395fc880d0f69d3723894a04e7b2ffe2d33fa51"}} as unknown as TypedDocumentString<PerformVisitMutation, PerformVisitMutationVariables>;
export const RecordVisitDocument = {"__meta__":{"hash":"sha256:33e1a055ff7bfc151b2c28e431bb088b24cab888ff0f60a3548c1f1d583b9385"}} as unknown as TypedDocumentString<RecordVisitMutation, RecordVisitMutationVariables>;
export const RescheduleVisitDocument = {"__meta__":{"hash":"sha256:68b8cc0b8b3c5311a6b2e7c8821120779128a2089162286e60a4e44accd4ded0"}} as unknown as TypedDocumentString<RescheduleVisitMutation, RescheduleVisitMutationVariables>;
export const ExcuseVisitDocument = {"__meta__":{"hash":"sha256:8d081b87c1b287a2eedc0e66f257d0c0a0c28986173b2baa76e514ecd8942055"}} as unknown as TypedDocumentString<ExcuseVisitMutation, ExcuseVisitMutationVariables>;
export const MissVisitDocument = {"__meta__":{"hash":"sha256:90a378753f00694e40282bd45382eeabdb38126202f242a82848065beb0005dd"}} as unknown as TypedDocumentString<MissVisitMutation, MissVisitMutationVariables>;
export const AnswerDangerDocument = {"__meta__":{"hash":"sha256:a282f6622a68cf2c2eff3ca5bf92ae417ecc47ff0d08d5d893d8adc9d1670957"}} as unknown as TypedDocumentString<AnswerDangerMutation, AnswerDangerMutationVariables>;
export const VerifyVisitDocument = {"__meta__":{"hash":"sha256:78e34809268186f6ad0247ee581f88da41f0ddb878d622084f635fb7d7ec3b6e"}} as unknown as TypedDocumentString<VerifyVisitMutation, VerifyVisitMutationVariables>;
export const CreateCaseNoteDocument = {"__meta__":{"hash":"sha256:68e29616ec1f7f44ebeb92c1a526b2afe53f848ac462a20db684f11b2cff4b29"}} as unknown as TypedDocumentString<CreateCaseNoteMutation, CreateCaseNoteMutationVariables>;
export const CreateAssessmentDocument = {"__meta__":{"hash":"sha256:70807557fadc270403e6f71fea49248dc4f81915e0ccb763822fe4fcd10d9919"}} as unknown as TypedDocumentString<CreateAssessmentMutation, CreateAssessmentMutationVariables>;
export const CompleteAssessmentDocument = {"__meta__":{"hash":"sha256:61575719063f93af34d8691fad232b458a6d6c01b9be776bc946e3f4409f2dd7"}} as unknown as TypedDocumentString<CompleteAssessmentMutation, CompleteAssessmentMutationVariables>;
export const CountersignAssessmentDocument = {"__meta__":{"hash":"sha256:eeb7e480a16c784c47b3ef8f07227ac9124dc487d7f7d8dc67daaa94d0f1469f"}} as unknown as TypedDocumentString<CountersignAssessmentMutation, CountersignAssessmentMutationVariables>;
export const ApprovePlanDocument = {"__meta__":{"hash":"sha256:e2dfc1d24ef9cf55af7e5c199c731b59ceb505b3ec710bb6d06309c2e1da1f4a"}} as unknown as TypedDocumentString<ApprovePlanMutation, ApprovePlanMutationVariables>;
export const ReturnPlanDocument = {"__meta__":{"hash":"sha256:9b46d226f15b6683af7acd9328db19e7c26d094ca29b37d3b820d1cd4202b8cb"}} as unknown as TypedDocumentString<ReturnPlanMutation, ReturnPlanMutationVariables>;
export const BeginAssessmentDocument = {"__meta__":{"hash":"sha256:6810d0a92692500fbaba24b73d896cf1725f7b1ed19c0596838bf919aafc4028"}} as unknown as TypedDocumentString<BeginAssessmentMutation, BeginAssessmentMutationVariables>;
export const BeginPlanningDocument = {"__meta__":{"hash":"sha256:85fb09ee63da3d7b267bc2470b07308de33219ebb9632567140e36bf0e5bf492"}} as unknown as TypedDocumentString<BeginPlanningMutation, BeginPlanningMutationVariables>;
export const CloseCaseDocument = {"__meta__":{"hash":"sha256:331961fbf332ebbac3b6d3a5f95c88e77d7e56b8b5b08ddea1d692b92095b71b"}} as unknown as TypedDocumentString<CloseCaseMutation, CloseCaseMutationVariables>;
export const SignCaseNoteDocument = {"__meta__":{"hash":"sha256:40a538c3ec85e7c90b3b2558e7e0ec84110209e89080b8c531fd552be23c1e0b"}} as unknown as TypedDocumentString<SignCaseNoteMutation, SignCaseNoteMutationVariables>;
export const AdoptEditDocument = {"__meta__":{"hash":"sha256:204e02a974867d341262e87c896555a9ed4272502258898b72a4cb780b69e28f"}} as unknown as TypedDocumentString<AdoptEditMutation, AdoptEditMutationVariables>;
export const SetEditAsideDocument = {"__meta__":{"hash":"sha256:6393a906d59510174f105a679c5d31824c88e87dafe5768ce8e941f9e960a362"}} as unknown as TypedDocumentString<SetEditAsideMutation, SetEditAsideMutationVariables>;
export const CreateReferralDocument = {"__meta__":{"hash":"sha256:669145e4d74cde026f4a41c030223d3d52368a79c5d69fa139a2178e71078d7e"}} as unknown as TypedDocumentString<CreateReferralMutation, CreateReferralMutationVariables>;
export const SendReferralDocument = {"__meta__":{"hash":"sha256:42ab1760a89c05786f389a4c50db7e07ec52664b5154376bb040842afac59801"}} as unknown as TypedDocumentString<SendReferralMutation, SendReferralMutationVariables>;
export const SubmitVolunteerTaskDocument = {"__meta__":{"hash":"sha256:8cef4978e689df811f954f6189cd711547610d24e1a0ca8358f8d0c7f2c52cf9"}} as unknown as TypedDocumentString<SubmitVolunteerTaskMutation, SubmitVolunteerTaskMutationVariables>;
export const PublishVolunteerTaskDocument = {"__meta__":{"hash":"sha256:2af2144f7c3874a74ca28cc14d1afa4a8965f5b28d3b931af481110b88f38c63"}} as unknown as TypedDocumentString<PublishVolunteerTaskMutation, PublishVolunteerTaskMutationVariables>;
export const ReturnVolunteerTaskDocument = {"__meta__":{"hash":"sha256:d2b9d06c008ba5d1a618538681c3319e9f305f14b5652174cac923c5d011370b"}} as unknown as TypedDocumentString<ReturnVolunteerTaskMutation, ReturnVolunteerTaskMutationVariables>;
export const OpenRecruitmentDocument = {"__meta__":{"hash":"sha256:4f2c505fe312716a902f3ba5068a0d2d6c9ee6ebb666c9b0bd2e877f19f87a01"}} as unknown as TypedDocumentString<OpenRecruitmentMutation, OpenRecruitmentMutationVariables>;
export const StartVolunteerTaskDocument = {"__meta__":{"hash":"sha256:75dc9fe1a8ca4bea2700d3cfe0b867853f5ef777cca3e9bf60459433f8fe34c0"}} as unknown as TypedDocumentString<StartVolunteerTaskMutation, StartVolunteerTaskMutationVariables>;
export const EndVolunteerTaskDocument = {"__meta__":{"hash":"sha256:557cd653824e25ddc13795f8f6d3f0f6a1a118c5afeb46afd80682bfdaa8bca6"}} as unknown as TypedDocumentString<EndVolunteerTaskMutation, EndVolunteerTaskMutationVariables>;
export const ConfirmTaskHoursDocument = {"__meta__":{"hash":"sha256:94a278d6547b869bea545b6eb6504a809f7bedb539f9d79b9078cd66e11d208b"}} as unknown as TypedDocumentString<ConfirmTaskHoursMutation, ConfirmTaskHoursMutationVariables>;
export const CloseVolunteerTaskDocument = {"__meta__":{"hash":"sha256:066ac740da6da66f25d37494158f2b69852e8ce44bae0e414fbc84b6085a29bf"}} as unknown as TypedDocumentString<CloseVolunteerTaskMutation, CloseVolunteerTaskMutationVariables>;
export const CancelVolunteerTaskDocument = {"__meta__":{"hash":"sha256:9a5ed4cadbb1590e9af8795bff673ea29652d514e9b70a4496af47abba3dd0fd"}} as unknown as TypedDocumentString<CancelVolunteerTaskMutation, CancelVolunteerTaskMutationVariables>;
export const ConfirmSignupDocument = {"__meta__":{"hash":"sha256:f102f5c8dac450fe13f5f118e7575bbbe2d35c1e3aae4bda5898b448bc165d00"}} as unknown as TypedDocumentString<ConfirmSignupMutation, ConfirmSignupMutationVariables>;
export const DeclineSignupDocument = {"__meta__":{"hash":"sha256:52b17f7aaa14277ccd1acea93573c01df7946983f5eb150f787ee433faadcf41"}} as unknown as TypedDocumentString<DeclineSignupMutation, DeclineSignupMutationVariables>;
export const MarkNoShowDocument = {"__meta__":{"hash":"sha256:2f4ef12b232183fcb1d9d3db1d7d89d39efc9d8d8fb2958d1d81ab5a624d8e93"}} as unknown as TypedDocumentString<MarkNoShowMutation, MarkNoShowMutationVariables>;
export const CheckInDocument = {"__meta__":{"hash":"sha256:eb4599112198eebcf1f461278e3954377786e16dfae9ee1a74124188c4c65471"}} as unknown as TypedDocumentString<CheckInMutation, CheckInMutationVariables>;
export const CheckOutDocument = {"__meta__":{"hash":"sha256:7a5f38578bb5e4d2384ccd9407bd5bc9e1382ad0b7b9f2f4bcaa52a6cd6fccb8"}} as unknown as TypedDocumentString<CheckOutMutation, CheckOutMutationVariables>;
export const AttendanceCodeDocument = {"__meta__":{"hash":"sha256:c42b320cd02f9bb2ae2c1806d27112e3947ef1c6bf005ce36cc7164e9d6fe30e"}} as unknown as TypedDocumentString<AttendanceCodeMutation, AttendanceCodeMutationVariables>;
export const UpdateVisitDocument = {"__meta__":{"hash":"sha256:af358da757a5c09a2f7c9ea9257ac16dc358571c2c08b269427339f5bce674bc"}} as unknown as TypedDocumentString<UpdateVisitMutation, UpdateVisitMutationVariables>;
export const RequestPictureDocument = {"__meta__":{"hash":"sha256:adcf15e2f6faaef4e165fe988c0fda19d55c1780a9102db273b71c88f6688aad"}} as unknown as TypedDocumentString<RequestPictureMutation, RequestPictureMutationVariables>;
export const OpenPictureDocument = {"__meta__":{"hash":"sha256:39afe8edc307df252cf8091037a6229eaf66e69b82d6b2683c350a4a5fb01ec2"}} as unknown as TypedDocumentString<OpenPictureMutation, OpenPictureMutationVariables>;
export const SubmitAcceptanceDocument = {"__meta__":{"hash":"sha256:b9c111fecbb03da768104cbf9fc6e9c6df3920074fd123da7b97a40090575a2c"}} as unknown as TypedDocumentString<SubmitAcceptanceMutation, SubmitAcceptanceMutationVariables>;
export const RequestUploadDocument = {"__meta__":{"hash":"sha256:089bd88841c136635267f557fe223618584dba28f3e562e39610451365f9b945"}} as unknown as TypedDocumentString<RequestUploadMutation, RequestUploadMutationVariables>;
export const ImportUploadedDocument = {"__meta__":{"hash":"sha256:e493d60dd2143e6390fd28ced8f5dbe8aba34f049127e61fae3a9b02e3ab2be2"}} as unknown as TypedDocumentString<ImportUploadedMutation, ImportUploadedMutationVariables>;
export const PrintPaperDocument = {"__meta__":{"hash":"sha256:67e47b7e4a16b5da52ba53f2d6b2a77e4a894b372da3a2160ac93cab747f9900"}} as unknown as TypedDocumentString<PrintPaperMutation, PrintPaperMutationVariables>;
export const MeDocument = {"__meta__":{"hash":"sha256:81c3b386be059c4bde7f07d0e5c270c2bf36c26566b425605b63c551ccaa72b4"}} as unknown as TypedDocumentString<MeQuery, MeQueryVariables>;
export const StationsDocument = {"__meta__":{"hash":"sha256:38d79c82a09126dac7518e4bf3ab8d38dc746bd7a624fd256d01fd597f70248e"}} as unknown as TypedDocumentString<StationsQuery, StationsQueryVariables>;
export const CodesDocument = {"__meta__":{"hash":"sha256:69aa0629d57a62fcefec4db0d1d5a15d44ec0091145f6de412c2f3aed1c9703e"}} as unknown as TypedDocumentString<CodesQuery, CodesQueryVariables>;
export const TodayDocument = {"__meta__":{"hash":"sha256:f584654efecee30563b891b90c50d16846e3e16d1e4e74a4b4c2d5457b635484"}} as unknown as TypedDocumentString<TodayQuery, TodayQueryVariables>;
export const ReferralsDocument = {"__meta__":{"hash":"sha256:8a9677589f297181a8a7b6a9ee0a026d96cca8b158af2b37d5d2e4492ba4a5cb"}} as unknown as TypedDocumentString<ReferralsQuery, ReferralsQueryVariables>;
export const BoardDocument = {"__meta__":{"hash":"sha256:a024763b0db8c3b0262f701f9ae8b51ae2306b2c35be25657cd4e6d1431f5dbc"}} as unknown as TypedDocumentString<BoardQuery, BoardQueryVariables>;
export const WorksetDocument = {"__meta__":{"hash":"sha256:830778168150f0f282362af4c6e8428f4f10f30d0723ce71447eb1ab80c3b77b"}} as unknown as TypedDocumentString<WorksetQuery, WorksetQueryVariables>;
export const FormsDocument = {"__meta__":{"hash":"sha256:d60ad2f3613389c79c51b818f35c42f93d52b466761c4abf9b7e5946c92071ce"}} as unknown as TypedDocumentString<FormsQuery, FormsQueryVariables>;
export const TasksDocument = {"__meta__":{"hash":"sha256:2a5ead5bd709359d9260fa67c278774f4b24207f4dbab44905ab3baf401af3a5"}} as unknown as TypedDocumentString<TasksQuery, TasksQueryVariables>;
export const TaskPeopleDocument = {"__meta__":{"hash":"sha256:b0cb88cb8e0c4527aea0cc131b68cd5729c44a41a8fcb0f011ba3a91c3078184"}} as unknown as TypedDocumentString<TaskPeopleQuery, TaskPeopleQueryVariables>;
export const AttendDocument = {"__meta__":{"hash":"sha256:76c34684ef5ce42c0575ccb989aaabdde409809c621bb08069181036145abe48"}} as unknown as TypedDocumentString<AttendQuery, AttendQueryVariables>;
export const ReceiversDocument = {"__meta__":{"hash":"sha256:6f8ed5eb46feccc4a9b92b781a00e0d63fac2054cc8b5b5226e7ca75767f97f7"}} as unknown as TypedDocumentString<ReceiversQuery, ReceiversQueryVariables>;
export const NeedConsentDocument = {"__meta__":{"hash":"sha256:f80a75c03a8fc158a931edcbda83aa197e496eafbce9f05498f8e05012d95238"}} as unknown as TypedDocumentString<NeedConsentQuery, NeedConsentQueryVariables>;
export const VisitPicturesDocument = {"__meta__":{"hash":"sha256:f1a291cc05e7d5e6ba2ccd129d5db9ac1f7135ba1d5be5f466cf1a1df160de2f"}} as unknown as TypedDocumentString<VisitPicturesQuery, VisitPicturesQueryVariables>;
export const ContractsDocument = {"__meta__":{"hash":"sha256:7f5c63184361825cb13241a08f2af9ed8e6a4c8388c7b6f09823d8cc4122fab3"}} as unknown as TypedDocumentString<ContractsQuery, ContractsQueryVariables>;
export const ImportRunDocument = {"__meta__":{"hash":"sha256:7385f9df4675d9fc053511d6eefdc2727796f7b8184b41f75bb6bddaf964f96a"}} as unknown as TypedDocumentString<ImportRunQuery, ImportRunQueryVariables>;
export const ContractProgressDocument = {"__meta__":{"hash":"sha256:1fefcbc77787b009813f24e4888ab7ee8696e780d1721194b09323b012338f46"}} as unknown as TypedDocumentString<ContractProgressQuery, ContractProgressQueryVariables>;