import SealwireCore

// The plain values that go in and come out. `Thread` and `Progress` are names of Foundation's too: a file that imports both
// modules writes `Sealwire.Thread` and `Sealwire.Progress`.

public typealias Account = SealwireCore.Account
public typealias AccountSettings = SealwireCore.AccountSettings
public typealias AddDevice = SealwireCore.AddDevice
public typealias AttachmentFacts = SealwireCore.AttachmentFacts
public typealias AttachmentOptions = SealwireCore.AttachmentOptions
public typealias AttachmentSource = SealwireCore.AttachmentSource
public typealias ConnectionState = SealwireCore.ConnectionState
public typealias DirectMessages = SealwireCore.DirectMessages
public typealias ErrorFields = SealwireCore.ErrorFields
public typealias ErrorGroup = SealwireCore.ErrorGroup
public typealias Event = SealwireCore.Event
public typealias FailureReason = SealwireCore.FailureReason
public typealias InboxPage = SealwireCore.InboxPage
public typealias InboxThread = SealwireCore.InboxThread
public typealias JoinAccount = SealwireCore.JoinAccount
public typealias LogField = SealwireCore.LogField
public typealias LogLevel = SealwireCore.LogLevel
public typealias LogLine = SealwireCore.LogLine
public typealias MediaFacts = SealwireCore.MediaFacts
public typealias Message = SealwireCore.Message
public typealias MessageContent = SealwireCore.MessageContent
public typealias MessageState = SealwireCore.MessageState
public typealias NetworkRole = SealwireCore.NetworkRole
public typealias Notifications = SealwireCore.Notifications
public typealias OwnDevice = SealwireCore.OwnDevice
public typealias Progress = SealwireCore.Progress
public typealias Receipt = SealwireCore.Receipt
public typealias RecipientState = SealwireCore.RecipientState
public typealias SendOptions = SealwireCore.SendOptions
public typealias SessionPolicy = SealwireCore.SessionPolicy
public typealias StoreLocation = SealwireCore.StoreLocation
public typealias Thread = SealwireCore.Thread
public typealias ThreadPreferences = SealwireCore.ThreadPreferences
public typealias UnreadableReason = SealwireCore.UnreadableReason

/// Keeps the store's secrets for the app. What it throws becomes the `reason` of the error `keyStore`.
public typealias KeyStore = SealwireCore.KeyStore
